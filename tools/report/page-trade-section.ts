/** The section of the page that shows the trade between throughput and lag as one picture. */
import { formatNs, formatRate } from '../text/quantities.js';
import { htmlTable, type Html } from './html.js';
import { chartFigure, section, type PageContent } from './page-sections.js';

/** The picture with its figures as a table; null where no two designs have both. */
export function tradeSection({ data, rowsMax, throughput, figures }: PageContent): Html | null {
  if (data.trade.length === 0) return null;
  const rows = data.trade.flatMap(({ label, points }) => points.map((point) => ({ label, point })));
  return section(
    'trade',
    'Throughput against lag',
    chartFigure({
      chart: 'trade',
      alternative: `Packets per second against the expiration lag of ${data.designs.join(', ')}.`,
      caption:
        'What a design gets through at top speed, against how long after they had expired 99 of 100 connections were gone. Up and to the left is better. Crosses are intervals, where there are any; the axis of throughput does not begin at 0, and that of the lag is logarithmic where the lags differ by a factor of ten and more.',
      labels: data.trade.map(({ label }) => label),
      table: htmlTable(
        `Throughput: ${throughput}. Lag: ${figures}`,
        rows,
        [
          ...(data.trade.length < 2
            ? []
            : [{ head: 'Configuration', left: true, cell: (row: (typeof rows)[number]) => row.label }]),
          { head: 'Design', left: true, cell: ({ point }) => point.design },
          { head: 'Packets/s', cell: ({ point }) => formatRate(point.pps[0]) },
          { head: 'Low', cell: ({ point }) => formatRate(point.pps[1]) },
          { head: 'High', cell: ({ point }) => formatRate(point.pps[2]) },
          { head: 'Lag p99', cell: ({ point }) => formatNs(point.lagNs[0]) },
          { head: 'Low', cell: ({ point }) => formatNs(point.lagNs[1]) },
          { head: 'High', cell: ({ point }) => formatNs(point.lagNs[2]) },
        ],
        rowsMax,
      ),
    }),
  );
}

/**
 * Makes text from outside (capture names, scenario text, packet text) safe for the place it is put in.
 * Nothing is dropped silently: what cannot be shown is shown as an escape.
 */

// C0 and C1 controls, line and paragraph separators, bidirectional controls, zero-width and tag characters, lone surrogates.
const UNPRINTABLE =
  // oxlint-disable-next-line no-control-regex -- control characters are what this finds
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udc7f]/g;

/**
 * One line of text that a terminal, an editor or a spreadsheet shows as it is: control characters, invisible
 * characters and those that reorder text become `\x1b`-like escapes.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (found) => {
    if (found === '\n') return '\\n';
    if (found === '\r') return '\\r';
    if (found === '\t') return '\\t';
    const code = found.codePointAt(0) ?? 0;
    if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
    return `\\u{${code.toString(16)}}`;
  });
}

/** Text of at most `most` characters: of a longer one the beginning and the end, so that a message which quotes it stays a sentence. */
export function shortened(text: string, most = 120): string {
  if (text.length <= most) return text;
  const tail = Math.floor(most / 3);
  return `${text.slice(0, most - tail - 1)}…${text.slice(-tail)}`;
}

/** Shortens every word of a text that nobody would read to its end. */
export function shortenedWords(text: string): string {
  return text.replace(/\S{121,}/g, (word) => shortened(word));
}

/** A reason that quotes damaged input, which may be as long as the file: words and whole shortened so that it can be read. */
export function shortenedReason(text: string): string {
  return shortened(shortenedWords(text), 1000);
}

const HTML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For HTML text and quoted attribute values. */
export function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (found) => HTML[found] ?? found);
}

/** For XML 1.0 text and attribute values; characters that XML forbids have become printable escapes. */
export function escapeXml(text: string): string {
  return escapeHtml(text).replaceAll('&#39;', '&apos;');
}

/**
 * For Markdown text, also inside a GitHub table cell: no HTML, link, emphasis, mention, issue reference or cell
 * border comes out of it.
 */
export function escapeMarkdown(text: string): string {
  return (
    printable(text)
      // At once: an escape inside an entity (`&\#39;`) would show it as it is written.
      .replace(/[&<>"'@\\`*_[\]#!|~$^]/g, (found) => MARKDOWN_ENTITIES[found] ?? `\\${found}`)
      // GitHub makes links of bare addresses.
      .replace(/:\/\/|www\./gi, (found) => `${found.slice(0, -1)}\\${found.slice(-1)}`)
  );
}

/** A zero-width joiner would also stop a mention; an entity is visible in the source and harmless elsewhere. */
const MARKDOWN_ENTITIES: Readonly<Record<string, string>> = { ...HTML, '@': '&#64;' };

/**
 * JSON to stand inside a `<script type="application/json">` element: no `</script>`, no `<!--`, and also valid
 * as JavaScript in engines that once ended lines at U+2028.
 */
export function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * A file name from any text: letters, digits, dot, dash, underscore; never empty, `.`, `..` or hidden. Different
 * texts may give one name: see {@link uniqueFileNames}.
 */
export function fileNameFrom(text: string): string {
  const kept = text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 120);
  return kept === '' ? 'unnamed' : kept;
}

/** File names for `texts`, in order; where two would be equal (whatever the case) the later gets `-2`, `-3`, … */
export function uniqueFileNames(texts: readonly string[]): string[] {
  const taken = new Set<string>();
  return texts.map((text) => {
    const base = fileNameFrom(text);
    let name = base;
    for (let n = 2; taken.has(name.toLowerCase()); n += 1) name = `${base}-${n}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

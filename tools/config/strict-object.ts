/** Objects of the configuration: a key that they do not know is an error that names the nearest one. */
import { z } from 'zod';
import { printable, shortened } from '../text/escape.js';
import { nearestName } from '../text/nearest-name.js';

/** As z.strictObject, with a sentence for unknown keys. */
export function strictObject<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      const [key = ''] = issue.keys;
      const near = nearestName(key, known);
      return `unknown key '${shortened(printable(key))}'; ${near === null ? `the keys here are ${known.join(', ')}` : `did you mean ${near}?`}`;
    },
  });
}

/** The system's Chromium. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';

const CANDIDATES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** Path of a Chromium, or undefined. */
export const CHROMIUM = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** Why tests that need it are skipped. */
export const NO_CHROMIUM = 'no Chromium was found (set CHROMIUM to its path): the page is not opened here';

export interface Opening {
  readonly width: number;
  readonly height: number;
  readonly colorScheme: 'light' | 'dark';
}

/** Starts Chromium with an empty profile, which it removes when it is closed. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM as string,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}

/** Opens a window and closes it after `use`. */
export async function withWindow(
  browser: Browser,
  opening: Opening,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({
    viewport: { width: opening.width, height: opening.height },
    colorScheme: opening.colorScheme,
  });
  try {
    await use(await context.newPage());
  } finally {
    await context.close();
  }
}

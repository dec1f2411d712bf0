/** The two looks of a report. */
export type Theme = 'light' | 'dark';

/** Colours of one look, by what they are for. @internal */
export interface Palette {
  readonly page: string;
  readonly card: string;
  readonly line: string;
  readonly grid: string;
  readonly text: string;
  readonly muted: string;
  /** Text on a cell of full strength. */
  readonly onStrong: string;
  readonly right: string;
  readonly wrong: string;
  /** Colour of one of `count` series. */
  series(index: number, count: number): string;
  /** A share of a colour on the card, in steps of 4%. */
  tint(tone: Tone, share: number): string;
}

type Tone = Exclude<keyof Palette, 'series' | 'tint'>;

const tones: Readonly<Record<Theme, Readonly<Record<Tone, string>>>> = {
  light: {
    page: '#f6f7f9',
    card: '#ffffff',
    line: '#d5d9e0',
    grid: '#e9ebef',
    text: '#1d2330',
    muted: '#5b6474',
    onStrong: '#ffffff',
    right: '#0069a8',
    wrong: '#c04a00',
  },
  dark: {
    page: '#12151c',
    card: '#1a1f29',
    line: '#3a4252',
    grid: '#29303d',
    text: '#e8ebf1',
    muted: '#a2abba',
    onStrong: '#0d1016',
    right: '#57b2ee',
    wrong: '#f58b4c',
  },
};

// After Okabe and Ito's set for all kinds of colour vision (Color Universal Design, 2008); yellow left out, lightness fitted to the background.
const distinct: Readonly<Record<Theme, readonly string[]>> = {
  light: ['#0072b2', '#d55e00', '#009e73', '#b5578f', '#c98a00', '#3f9fd8', '#5f6673'],
  dark: ['#57b2ee', '#f58b4c', '#35c79c', '#e39cc6', '#efbf4a', '#a4dcfa', '#aab3c1'],
};

// For more series than that: steps of a ramp whose lightness changes throughout (viridis), without the ends that the background swallows.
const ramp: Readonly<Record<Theme, readonly string[]>> = {
  light: ['#440154', '#46327e', '#365c8d', '#277f8e', '#1fa187', '#4ac16d', '#9bc31c'],
  dark: ['#7a5bd0', '#5b7bd5', '#3f97c6', '#2fb0a8', '#4ac16d', '#a0da39', '#fde725'],
};

/** The colours of a theme. @internal */
export function paletteOf(theme: Theme): Palette {
  return {
    ...tones[theme],
    series: (index, count) => seriesColour(theme, index, count),
    tint: (tone, share) => tinted(theme, tone, share),
  };
}

/**
 * Colours as CSS variables, so that one drawing serves both themes of a page; `declarations` defines those that were asked for.
 * @internal
 */
export class CssPalette implements Palette {
  readonly page = 'var(--page)';
  readonly card = 'var(--card)';
  readonly line = 'var(--line)';
  readonly grid = 'var(--grid)';
  readonly text = 'var(--text)';
  readonly muted = 'var(--muted)';
  readonly onStrong = 'var(--on-strong)';
  readonly right = 'var(--right)';
  readonly wrong = 'var(--wrong)';
  readonly #asked = new Map<string, (theme: Theme) => string>();

  series(index: number, count: number): string {
    const name = count <= distinct.light.length ? `--series-${index}` : `--series-${index}-of-${count}`;
    return this.#variable(name, (theme) => seriesColour(theme, index, count));
  }

  tint(tone: Tone, share: number): string {
    return this.#variable(`--${tone}-${stepOf(share)}`, (theme) => tinted(theme, tone, share));
  }

  #variable(name: string, colour: (theme: Theme) => string): string {
    this.#asked.set(name, colour);
    return `var(${name})`;
  }

  /** The variables of a theme. */
  declarations(theme: Theme): string {
    const { onStrong, ...same } = tones[theme];
    const entries = [
      ...Object.entries(same).map(([tone, colour]) => [`--${tone}`, colour]),
      ['--on-strong', onStrong],
      ...[...this.#asked].map(([name, colour]) => [name, colour(theme)]),
    ];
    return entries.map(([name, colour]) => `${name}:${colour}`).join(';');
  }
}

function seriesColour(theme: Theme, index: number, count: number): string {
  const few = distinct[theme];
  if (count <= few.length) return few[index % few.length] as string;
  const stops = ramp[theme];
  const place = ((index % count) / Math.max(count - 1, 1)) * (stops.length - 1);
  const from = Math.min(Math.floor(place), stops.length - 2);
  return mixed(stops[from] as string, stops[from + 1] as string, place - from);
}

function stepOf(share: number): number {
  return Math.round(Math.min(1, Math.max(0, share)) * 25) * 4;
}

function tinted(theme: Theme, tone: Tone, share: number): string {
  return mixed(tones[theme].card, tones[theme][tone], stepOf(share) / 100);
}

function mixed(from: string, to: string, share: number): string {
  const channel = (colour: string, at: number): number => Number.parseInt(colour.slice(at, at + 2), 16);
  const parts = [1, 3, 5].map((at) => Math.round(channel(from, at) * (1 - share) + channel(to, at) * share));
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

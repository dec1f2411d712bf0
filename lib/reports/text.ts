/** A string as it may stand in HTML or XML, in text and in quoted attributes. @internal */
export function escapeMarkup(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => names[character] as string);
}

/** JSON as it may stand in an HTML script element. @internal */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** One line of well-formed text: no control characters, which XML can't hold at all. @internal */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]+/g, ' ').replace(/\p{Surrogate}/gu, '\ufffd');
}

/** A name of at most 40 characters: the middle of a longer one is left out. @internal */
export function shortened(name: string): string {
  const characters = [...oneLine(name)];
  if (characters.length <= 40) return characters.join('');
  return `${characters.slice(0, 24).join('')}…${characters.slice(-15).join('')}`;
}

/** Shortened names that are still different from each other. @internal */
export function distinctNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const short = shortened(name);
    let unique = short;
    for (let i = 2; taken.has(unique); i++) unique = `${short} (${i})`;
    taken.add(unique);
    return unique;
  });
}

/** A number for people: whole ones in full, others with four digits. The script of the pages has the same rule. @internal */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString('en-US');
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e6 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** Width of a text of 12 pixels, estimated: there are no fonts to measure with. @internal */
export function textWidth(text: string, size = 12): number {
  let width = 0;
  for (const character of text) width += (character.codePointAt(0) as number) > 0x2e80 ? 1 : 0.56;
  return width * size;
}

// crc-32 has types for its CRC-32 alone.
declare module 'crc-32/crc32c.js' {
  const crc: { buf(data: Uint8Array, seed?: number): number };
  export = crc;
}

import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import crc32 from 'crc-32';

const compress = promisify(deflate);
const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** By the number of channels: gray, gray and alpha, colour, colour and alpha. */
const colourTypes = [0, 4, 2, 6];

/** A PNG of `pixels`, [height, width, channels] with 1 to 4 channels. @internal */
export async function encodePng(
  pixels: Uint8Array,
  { width, height, channels }: { width: number; height: number; channels: number },
): Promise<Uint8Array> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colourTypes[channels - 1] as number], 8);
  const row = width * channels;
  // Before each row stands its filter: none.
  const raw = Buffer.alloc(height * (row + 1));
  for (let y = 0; y < height; y++) raw.set(pixels.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  const parts = [chunk('IHDR', header), chunk('IDAT', await compress(raw)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...parts]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(data.length + 12);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeInt32BE(crc32.buf(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

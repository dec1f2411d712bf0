// A small archive and a local server that hands it out badly on purpose.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';

/** A zip file without compression. */
export function makeZip(files: Record<string, Uint8Array>): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, data] of Object.entries(files)) {
    const nameBytes = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0); // version needed
    common.writeUInt16LE(0x21, 8); // 1980-01-01
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.byteLength, 14);
    common.writeUInt32LE(data.byteLength, 18);
    common.writeUInt16LE(nameBytes.byteLength, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, nameBytes, data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((0o100644 << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), common, tail, nameBytes]));
    bodies.push(local);
    offset += local.byteLength;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(entries.byteLength, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, entries, end]);
}

/** The sha256 of `data` in hex. */
export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** What the server does with one request; the last behaviour of a list is repeated. */
export type Behaviour =
  | { kind: 'whole' }
  /** Ends the connection after that many further bytes. */
  | { kind: 'cut'; after: number }
  /** Goes silent after that many further bytes, the connection open. */
  | { kind: 'stall'; after: number }
  /** Sends the right number of bytes, one of them wrong. */
  | { kind: 'corrupt' }
  /** Sends everything from the start, whatever range was asked for. */
  | { kind: 'no-range' }
  /** Sends that many bytes, then a few more a second. */
  | { kind: 'slow'; after: number }
  | { kind: 'status'; status: number };

/** A server on this machine; `requests` are the ranges that were asked for, 'whole' without one. */
export interface ArchiveServer {
  url: string;
  requests: string[];
  /** Replaces what is served, under another tag. */
  replace(data: Buffer): void;
  close(): Promise<void>;
}

/** Starts a server that hands out `data`, one behaviour a request. */
export async function serveArchive(data: Buffer, behaviours: Behaviour[]): Promise<ArchiveServer> {
  const requests: string[] = [];
  let content = data;
  let generation = 1;
  let served = 0;

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const behaviour = behaviours[Math.min(served, behaviours.length - 1)] ?? { kind: 'whole' };
    served += 1;
    requests.push(request.headers.range ?? 'whole');
    if (behaviour.kind === 'status') {
      response.writeHead(behaviour.status).end();
      return;
    }
    const etag = `"v${generation}"`;
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const ranged = asked !== null && request.headers['if-range'] === etag && behaviour.kind !== 'no-range';
    const start = ranged ? Number(asked[1]) : 0;
    const body = Buffer.from(content.subarray(start));
    const headers: Record<string, string> = { etag, 'content-length': String(body.byteLength) };
    if (ranged) headers['content-range'] = `bytes ${start}-${content.byteLength - 1}/${content.byteLength}`;
    response.writeHead(ranged ? 206 : 200, headers);
    switch (behaviour.kind) {
      case 'cut':
        // A moment later, as a cut in the network is: at once, the client would lose what it has not read yet.
        response.write(body.subarray(0, behaviour.after), () => setTimeout(() => response.destroy(), 20));
        break;
      case 'stall':
        response.write(body.subarray(0, behaviour.after));
        break;
      case 'slow': {
        response.write(body.subarray(0, behaviour.after));
        let at = behaviour.after;
        const drip = setInterval(() => {
          response.write(body.subarray(at, at + 1));
          at += 1;
        }, 100);
        response.on('close', () => clearInterval(drip));
        break;
      }
      case 'corrupt':
        body[body.byteLength >> 1] = (body[body.byteLength >> 1] ?? 0) ^ 0xff;
        response.end(body);
        break;
      default:
        response.end(body);
    }
  };

  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/libtorch.zip`,
    requests,
    replace: (next) => {
      content = next;
      generation += 1;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

// What the checks of all clients of Node share.
import assert from 'node:assert/strict';

export const port = Number(process.argv[2]);
export const origin = `http://127.0.0.1:${port}`;

// Below the demo's limit for bodies that it holds in memory.
export const body = Buffer.from(Uint8Array.from({ length: 900_000 }, (_, n) => n % 251));

export function* parts(length = 7919) {
  for (let at = 0; at < body.length; at += length) yield body.subarray(at, at + length);
}

// FNV-1a in 64 bits, as the demo counts it.
export const fnv = (octets) => octets.reduce(
  (hash, octet) => BigInt.asUintN(64, (hash ^ BigInt(octet)) * 0x100000001b3n),
  0xcbf29ce484222325n,
).toString(16).padStart(16, '0');

export async function run(checks) {
  // What is not answered by then hangs.
  const timer = setTimeout(() => { throw new Error('a check hangs'); }, 60_000);
  assert.ok(port > 0, 'usage: SCRIPT PORT');
  for (const check of checks) {
    await check();
    console.log(`${check.name}: well`);
  }
  clearTimeout(timer);
}

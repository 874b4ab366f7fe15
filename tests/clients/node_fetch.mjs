// Node's fetch against the demo. Usage: node node_fetch.mjs PORT
import assert from 'node:assert/strict';
import { body, origin, parts, run } from './checks.mjs';

const octets = async (response) => Buffer.from(await response.arrayBuffer());

async function manyAreAnswered() {
  for (let n = 0; n < 50; n += 1) {
    const response = await fetch(`${origin}/`);
    assert.deepEqual([response.status, await response.text()], [200, 'hello\n']);
  }
  const all = Array.from({ length: 50 }, () => fetch(`${origin}/whoami`));
  for (const response of await Promise.all(all)) assert.ok('worker' in await response.json());
}

async function headHasTheLengthAndNoBody() {
  const response = await fetch(`${origin}/`, { method: 'HEAD' });
  assert.deepEqual([response.headers.get('content-length'), await response.text()], ['6', '']);
}

async function bodiesComeBack() {
  const whole = await fetch(`${origin}/echo`, { method: 'POST', body });
  assert.deepEqual(await octets(whole), body);
  const stream = ReadableStream.from(parts());
  const chunked = await fetch(`${origin}/echo`, { method: 'POST', body: stream, duplex: 'half' });
  assert.deepEqual(await octets(chunked), body);
}

async function anAnswerIsTakenAsItComesOrLeft() {
  const whole = await fetch(`${origin}/stream?kib=1000`);
  assert.equal((await octets(whole)).length, 1000 << 10);
  const left = await fetch(`${origin}/stream?kib=100000`);
  const reader = left.body.getReader();
  assert.ok((await reader.read()).value.length > 0);
  await reader.cancel();
  assert.equal(await (await fetch(`${origin}/`)).text(), 'hello\n');
}

async function aRefusalIsRead() {
  assert.equal((await fetch(`${origin}/${'x'.repeat(20_000)}`)).status, 414);
  assert.equal((await fetch(`${origin}/none`)).status, 404);
}

await run([
  manyAreAnswered,
  headHasTheLengthAndNoBody,
  bodiesComeBack,
  anAnswerIsTakenAsItComesOrLeft,
  aRefusalIsRead,
]);

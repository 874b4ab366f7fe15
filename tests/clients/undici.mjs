// undici, which pipelines, against the demo. Usage: node undici.mjs PORT FOLDER
// FOLDER is one that has node_modules/undici.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { body, origin, parts, run } from './checks.mjs';

const folder = path.resolve(process.argv[3]);
const { Client } = createRequire(path.join(folder, 'from.js'))('undici');

// Hands over a client, and finds that it needed only one connection.
const withClient = async (use) => {
  const client = new Client(origin, { pipelining: 10 });
  let connections = 0;
  client.on('connect', () => { connections += 1; });
  await use(client);
  assert.equal(connections, 1);
  await client.close();
};

const text = async (client, options) => (await client.request(options)).body.text();

async function manyArePipelinedOnOneConnection() {
  await withClient(async (client) => {
    const all = Array.from({ length: 500 }, () => text(client, { path: '/', method: 'GET' }));
    for (const answer of await Promise.all(all)) assert.equal(answer, 'hello\n');
  });
}

async function answersOfAllKindsComeInOrder() {
  await withClient(async (client) => {
    const all = [];
    for (let n = 0; n < 50; n += 1) {
      all.push(text(client, { path: `/stream?kib=${n}`, method: 'GET' }).then((answer) => {
        assert.equal(answer.length, n << 10);
      }));
      all.push(text(client, { path: '/offload?ms=1', method: 'GET' }).then((answer) => {
        assert.equal(answer, 'done\n');
      }));
    }
    await Promise.all(all);
  });
}

async function headHasTheLengthAndNoBody() {
  const client = new Client(origin, { pipelining: 10 });
  // After each one it opens another connection, whatever the server says.
  for (let n = 0; n < 3; n += 1) {
    const response = await client.request({ path: '/', method: 'HEAD' });
    assert.equal(response.headers['content-length'], '6');
    assert.equal(await response.body.text(), '');
  }
  await client.close();
}

async function bodiesComeBack() {
  await withClient(async (client) => {
    const post = { path: '/echo', method: 'POST' };
    const echo = async (sent) => Buffer.from(
      await (await client.request({ ...post, body: sent })).body.arrayBuffer(),
    );
    assert.deepEqual(await echo(body), body);
    // What has no length is sent in chunks.
    assert.deepEqual(await echo(parts()), body);
    assert.deepEqual(await echo(parts(100_000)), body);
  });
}

await run([
  manyArePipelinedOnOneConnection,
  answersOfAllKindsComeInOrder,
  headHasTheLengthAndNoBody,
  bodiesComeBack,
]);

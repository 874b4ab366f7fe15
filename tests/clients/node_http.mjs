// Node's http against the demo. Usage: node node_http.mjs PORT
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { body, fnv, parts, port, run } from './checks.mjs';

const text = async (response) => {
  const all = [];
  for await (const part of response) all.push(part);
  return Buffer.concat(all);
};

// Sends a request in these parts; without a length they are chunks.
const ask = async (agent, options, ...sent) => {
  const request = http.request({ host: '127.0.0.1', port, agent, ...options });
  sent.forEach((part) => request.write(part));
  request.end();
  const [response] = await once(request, 'response');
  return { request, response, text: await text(response) };
};

const withAgent = async (use) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  await use(agent);
  agent.destroy();
};

async function aConnectionIsKept() {
  await withAgent(async (agent) => {
    const ports = new Set();
    for (let n = 0; n < 50; n += 1) {
      const { request, response, text } = await ask(agent, { path: '/' });
      assert.deepEqual([response.statusCode, text.toString()], [200, 'hello\n']);
      assert.equal(request.reusedSocket, n > 0);
      ports.add(response.socket?.localPort ?? request.socket.localPort);
    }
    assert.equal(ports.size, 1);
  });
}

async function headHasTheLengthAndNoBody() {
  await withAgent(async (agent) => {
    const { response, text } = await ask(agent, { path: '/', method: 'HEAD' });
    assert.deepEqual([response.headers['content-length'], text.length], ['6', 0]);
    assert.equal((await ask(agent, { path: '/' })).text.toString(), 'hello\n');
  });
}

async function bodiesComeBack() {
  await withAgent(async (agent) => {
    const post = { path: '/echo', method: 'POST' };
    assert.deepEqual((await ask(agent, post, ...parts())).text, body);
    const headers = { 'Content-Length': body.length };
    assert.deepEqual((await ask(agent, { ...post, headers }, body)).text, body);
    assert.equal((await ask(agent, post)).text.length, 0);
    assert.equal((await ask(agent, { path: '/' })).request.reusedSocket, true);
  });
}

async function trailersAreTaken() {
  await withAgent(async (agent) => {
    const headers = { Trailer: 'X-Sum' };
    const request = http.request({
      host: '127.0.0.1', port, agent, path: '/echo', method: 'POST', headers,
    });
    request.write('with a trailer');
    request.addTrailers({ 'X-Sum': '7' });
    request.end();
    const [response] = await once(request, 'response');
    assert.equal((await text(response)).toString(), 'with a trailer');
    assert.equal((await ask(agent, { path: '/' })).text.toString(), 'hello\n');
  });
}

async function anUploadIsCounted() {
  await withAgent(async (agent) => {
    const post = { path: '/upload', method: 'POST' };
    const many = Array.from({ length: 8 }, () => body);
    const { text } = await ask(agent, post, ...many);
    assert.equal(text.toString().split(' ')[0], String(8 * body.length));
    const few = body.subarray(0, 10_000);
    assert.equal((await ask(agent, post, few)).text.toString(), `10000 octets, ${fnv(few)}\n`);
  });
}

async function chunksOfAnAnswerAreUndone() {
  await withAgent(async (agent) => {
    const { response, text } = await ask(agent, { path: '/stream?kib=1000' });
    assert.deepEqual([response.headers['transfer-encoding'], text.length], ['chunked', 1000 << 10]);
    assert.equal((await ask(agent, { path: '/' })).request.reusedSocket, true);
  });
}

async function theBodyWaitsForAnInterimAnswer() {
  await withAgent(async (agent) => {
    const headers = { Expect: '100-continue', 'Content-Length': body.length };
    const request = http.request({
      host: '127.0.0.1', port, agent, path: '/echo', method: 'POST', headers,
    });
    request.flushHeaders();
    await once(request, 'continue');
    request.end(body);
    const [response] = await once(request, 'response');
    assert.deepEqual(await text(response), body);
  });
}

async function aBodyThatIsTooLongIsRefusedBeforeItIsSent() {
  const headers = { Expect: '100-continue', 'Content-Length': 1e12 };
  const request = http.request({ host: '127.0.0.1', port, path: '/echo', method: 'POST', headers });
  request.flushHeaders();
  const first = once(request, 'response');
  request.once('continue', () => assert.fail('it is wanted'));
  const [response] = await first;
  assert.equal(response.statusCode, 413);
  request.destroy();
}

async function pipelinedRequestsAreAnsweredInOrder() {
  const socket = net.connect(port, '127.0.0.1');
  const head = (n) => `POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n${n}`;
  const last = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const numbers = Array.from({ length: 100 }, (_, n) => String(100 + n));
  socket.write(numbers.map(head).join('') + last);
  const answers = (await text(socket)).toString().split('HTTP/1.1 200 OK\r\n').slice(1);
  const bodies = answers.map((answer) => answer.split('\r\n\r\n')[1]);
  assert.deepEqual(bodies, [...numbers, 'hello\n']);
}

async function oneWhoLeavesHarmsNobody() {
  await withAgent(async (agent) => {
    const request = http.get({ host: '127.0.0.1', port, path: '/stream?kib=100000' });
    const [response] = await once(request, 'response');
    await once(response, 'data');
    response.destroy();
    assert.equal((await ask(agent, { path: '/' })).text.toString(), 'hello\n');
  });
}

await run([
  aConnectionIsKept,
  headHasTheLengthAndNoBody,
  bodiesComeBack,
  trailersAreTaken,
  anUploadIsCounted,
  chunksOfAnAnswerAreUndone,
  theBodyWaitsForAnInterimAnswer,
  aBodyThatIsTooLongIsRefusedBeforeItIsSent,
  pipelinedRequestsAreAnsweredInOrder,
  oneWhoLeavesHarmsNobody,
]);

// Node's cluster as a peer: the same routes as demo-app's, a dead worker is forked again, SIGHUP
// replaces each worker by a new one that listens before the old one is disconnected.
// Usage: node cluster.js WORKERS rr|none
'use strict';
const cluster = require('node:cluster');
const http = require('node:http');

const [workers, policy] = [Number(process.argv[2]), process.argv[3]];
cluster.schedulingPolicy = policy === 'rr' ? cluster.SCHED_RR : cluster.SCHED_NONE;

if (cluster.isPrimary) {
  let listening = 0;
  const fork = (index) => {
    const worker = cluster.fork({ INDEX: index });
    worker.index = index;
    worker.on('exit', () => {
      if (worker.exitedAfterDisconnect) return;
      if (listening < workers) process.exit(1);
      fork(index);
    });
    return worker;
  };
  const first = (index) => fork(index).once('listening', (address) => {
    listening += 1;
    if (listening < workers) return first(listening);
    console.log(`listening on http://127.0.0.1:${address.port} (node ${process.version})`);
  });
  first(0);
  process.on('SIGHUP', () => {
    for (const old of Object.values(cluster.workers)) {
      fork(old.index).once('listening', () => old.disconnect());
    }
  });
} else {
  const index = Number(process.env.INDEX);
  const body = JSON.stringify({ worker: index, pid: process.pid, generation: 0 });
  const large = 'x'.repeat(1 << 20);
  const still = new Int32Array(new SharedArrayBuffer(4));
  // Like demo-app's, both block the worker's one thread, and work is CPU time.
  const onCpu = () => { const { user, system } = process.cpuUsage(); return user + system; };
  const spend = {
    '/work': (n) => { for (const end = onCpu() + n; onCpu() < end;); },
    '/sleep': (n) => Atomics.wait(still, 0, 0, n),
  };
  const answer = (request, response) => {
    const [path, query] = request.url.split('?');
    if (spend[path]) spend[path](Number(query.split('=')[1]));
    const finish = () => {
      response.setHeader('X-Worker', index).end(path === '/stream' ? large : body);
    };
    if (path === '/upload') request.resume().once('end', finish);
    else finish();
  };
  // Port 0 in every worker means the one port that the primary chose.
  const server = http.createServer(answer);
  // As long as nginx's default, so that idle connections are there when their memory is measured.
  server.keepAliveTimeout = 75_000;
  server.listen(0, '127.0.0.1');
}

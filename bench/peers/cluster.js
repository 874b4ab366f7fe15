// Node's cluster as a peer: the same routes as demo-app's, a dead worker is forked again.
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
    worker.on('exit', () => (listening < workers ? process.exit(1) : fork(index)));
    worker.on('listening', (address) => {
      listening += 1;
      if (listening === workers) {
        console.log(`listening on http://127.0.0.1:${address.port} (node ${process.version})`);
      } else if (listening < workers) {
        fork(listening);
      }
    });
  };
  fork(0);
} else {
  // Port 0 in every worker means the one port that the primary chose.
  const index = Number(process.env.INDEX);
  const body = JSON.stringify({ worker: index, pid: process.pid, generation: 0 });
  const answer = (request, response) => response.setHeader('X-Worker', index).end(body);
  http.createServer(answer).listen(0, '127.0.0.1');
}

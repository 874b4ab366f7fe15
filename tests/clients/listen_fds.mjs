// A server of Node that takes its listener as sd_listen_fds(3) has it, and finishes at SIGTERM.
import http from 'node:http';

const slot = process.env.NODE_APP_INSTANCE;
const server = http.createServer((request, response) => {
    response.setHeader('X-Worker', slot);
    response.setHeader('Connection', 'close');
    response.end(`node ${slot}\n`);
});
server.listen({ fd: 3 });
process.on('SIGTERM', () => server.close());

// SPDX-License-Identifier: MIT
// The small web server that the vectors of httpGet fetch from.
import http from 'node:http';

const text = (status, body, type = 'text/plain') => response => {
    response.writeHead(status, { 'Content-Type': type });
    response.end(body);
};
const bare = (status, headers = {}) => response => {
    response.writeHead(status, headers);
    response.end();
};

const PAGES = {
    '/text': text(200, 'Grüße 日本語 🏠'),
    '/html': text(200, '<html><body>page</body></html>', 'text/html'),
    '/json': text(200, '{"a":[1,2,{"b":null}]}', 'application/json'),
    '/bytes': text(200, Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
        'application/octet-stream'),
    '/empty': text(200, ''),
    '/204': bare(204),
    '/201': text(201, 'made'),
    '/404': text(404, 'not here'),
    '/500': text(500, 'broken'),
    '/302': bare(302, { Location: '/text' }),
    '/304': bare(304),
    '/loop': bare(302, { Location: '/loop' }),
    '/method': (response, request) => text(200, request.method)(response),
    '/query': (response, _request, query) =>
        text(200, [...query].map(([name, value]) => `${name}=${value}`).join(';'))(response),
    '/hang': () => {},
    '/cut': (_response, request) => request.socket.destroy(),
};

// Resolves to {address, close()}.
export function startWebServer() {
    const server = http.createServer((request, response) => {
        const url = new URL(request.url, 'http://localhost');
        const page = PAGES[url.pathname] ?? text(404, 'no such page');
        page(response, request, url.searchParams);
    });
    const close = () => {
        server.closeAllConnections();
        server.close();
    };
    return new Promise((resolve, reject) => {
        server.on('error', reject);
        server.listen(0, '127.0.0.1', () =>
            resolve({ address: `http://127.0.0.1:${server.address().port}`, close }));
    });
}

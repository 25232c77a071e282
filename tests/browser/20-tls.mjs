// SPDX-License-Identifier: MIT
// Our page and its socket over TLS in Chromium, a change of the certificate meanwhile, and pages of other origins.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { Authority, install } from '../integration/lib/ca.mjs';
import { temporaryFolder } from '../integration/lib/program.mjs';
import { openPage, servePages, startChromium, until } from './lib/chromium.mjs';
import { openBus, startHouse, within } from './lib/system.mjs';

// A server with TLS, and a second port without for changes from outside.
async function startSecure(t, ...args) {
    const authority = new Authority(t), folder = temporaryFolder(t);
    const identities = [authority.issue('first'), authority.issue('second')];
    const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
    install(identities[0], files);
    const house = await startHouse(t, '--tls', 'on', '--tls-cert', files.cert, '--tls-key', files.key,
        '--tls-chain', authority.chainFile, '--listen', '127.0.0.1:0,tls=off', ...args);
    // The browser knows the keys instead of the authority.
    const trust = [`--ignore-certificate-errors-spki-list=${identities.map(({ spki }) => spki).join()}`];
    return { house, files, identities, trust, bus: await openBus(t, house.server.urls[1]) };
}

// In the page: a connection whose values and breaks are kept in window.log.
async function listen(server = '') {
    const { connect } = await import(`${server}/iobus.js`);
    const bus = window.bus = connect({ name: 'page', retryMin: 50, retryMax: 300 });
    window.log = [];
    bus.on('disconnect', () => window.log.push('gone'));
    bus.subscribe('lamp.x', (id, state) => window.log.push(state.val), { current: true });
    await bus.ready;
    return bus.url;
}

const has = (page, value) => until(page, wanted => window.log.includes(wanted), value);

test('a page and its socket over TLS, while the certificate changes', async t => {
    const { house, files, identities, trust, bus } = await startSecure(t, '--hsts', '1h');
    assert.match(house.url, /^https:/);
    await bus.setState('lamp.x', 'one');
    const page = await openPage(await startChromium(t, { args: trust }));
    const details = async tab => (await tab.goto(house.url)).securityDetails();
    const shown = await details(page);
    assert.equal(shown.subjectName, 'first');
    assert.equal(shown.issuer, 'Intermediate of the test');
    assert.match(shown.protocol, /TLS 1.3/);
    assert.equal(await page.evaluate(() => window.isSecureContext), true);
    assert.match(await page.evaluate(listen), /^https:/);
    await has(page, 'one');
    install(identities[1], files);
    await house.server.logged('subject="CN=second"');
    await bus.setState('lamp.x', 'two');
    await has(page, 'two');
    const later = await openPage(await startChromium(t, { args: trust }));
    assert.equal((await details(later)).subjectName, 'second');
    await later.evaluate(listen);
    const clicked = new Promise(resolve => bus.subscribe('lamp.x', (id, state) => state.val === 'three' && resolve(state)));
    await later.evaluate(() => window.bus.setState('lamp.x', 'three'));
    assert.equal((await within(clicked, 'change from the page')).ack, false);
    await has(page, 'three');
    assert.deepEqual(await page.evaluate(() => window.log), ['one', 'two', 'three'], 'the first socket was never cut');
    assert.deepEqual(page.problems, []);
});

test('a certificate that nobody vouches for is refused by the browser', async t => {
    const { house } = await startSecure(t);
    const page = await openPage(await startChromium(t));
    await assert.rejects(page.goto(house.url), /ERR_CERT_AUTHORITY_INVALID/);
});

const foreign = server => `<!doctype html><html lang="en"><title>foreign</title><p id="link"></p>
<script type="module">
import { connect } from '${server}/iobus.js';
const bus = window.bus = connect({ url: '${server}', retryMin: 50, retryMax: 100 });
bus.ready.then(() => (link.textContent = 'connected'));
fetch('${server}/api/', { credentials: 'include' }).then(({ status }) => (window.rest = status), () => (window.rest = 'refused'));
</script>`;

test('a page of another origin may use the server only if it is allowed to', async t => {
    const pages = { '/': '' }, origin = new URL(await servePages(t, pages)).origin;
    const open = async (...args) => {
        const { house, trust } = await startSecure(t, ...args);
        pages['/'] = foreign(house.url);
        const page = await openPage(await startChromium(t, { args: trust }), origin);
        await until(page, () => window.rest);
        return { house, page };
    };
    const allowed = await open('--allowed-origins', origin);
    await until(allowed.page, () => link.textContent === 'connected');
    assert.equal(await allowed.page.evaluate(() => window.rest), 200);
    const refused = await open('--allowed-origins', 'https://somebody.else');
    assert.equal(await refused.page.evaluate(() => window.rest), 'refused');
    await refused.house.server.logged(`origin=${origin} not in allowed-origins`);
    await until(refused.page, () => window.bus && link.textContent === '');
    assert.ok(refused.page.problems.some(problem => /WebSocket connection|403/.test(problem)), refused.page.problems.join('\n'));
});

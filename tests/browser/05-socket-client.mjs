// SPDX-License-Identifier: MIT
// @iobroker/socket-client in Chromium, over both dialects: with the socket.io client that the server hands out, and with
// @iobroker/ws. Each answer is checked in tests/clients; here that a page of it lives.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startChromium, until } from './lib/chromium.mjs';
import { openBus, startHouse, stateObject, within } from './lib/system.mjs';
import { packageFolder, upload } from './lib/web.mjs';

const LIBRARIES = { 'socket.io': '/socket.io/socket.io.js', '@iobroker/ws': '/lab/ws/socket.io.js' };

const page = library => `<!doctype html><html lang="en"><title>socket-client</title>
<link rel="icon" href="data:,"><script>window.socketUrl = location.origin;</script><script src="${library}"></script>
<script type="module">
import { Connection } from './client/index.js';
window.log = [];
window.connection = new Connection({
    name: 'page', protocol: location.protocol, host: location.hostname, port: location.port, doNotLoadAllObjects: true,
    onReady: () => log.push('ready'), onProgress: progress => log.push('progress', progress), onError: error => log.push('error', String(error)),
});
</script>`;

// Runs in the page: calls of every kind. What comes by event is kept in window.log.
async function steps() {
    const c = window.connection;
    const buffer = Uint8Array.from([1, 2, 255]).buffer;
    await c.subscribeState('s.x', (id, state) => log.push('state', id, state && state.val));
    await c.subscribeObject('s.*', (id, object) => log.push('object', id, object && object.common.name));
    await c.subscribeFiles('lab', 'out/*', (id, file, size) => log.push('file', file, size));
    await c.setState('s.x', 5);
    await c.setObject('s.new', { type: 'state', common: { name: 'new', type: 'mixed', role: 'state', read: true, write: true }, native: {} });
    await c.writeFile64('lab', 'out/a.bin', buffer);
    return {
        version: (await c.getVersion()).version.split('.').length,
        state: (await c.getState('s.x')).val,
        states: Object.keys(await c.getStates('s.*')).sort(),
        nothing: [await c.getState('not.there'), await c.getObject('not.there')],
        object: (await c.getObject('s.x')).type,
        view: Object.keys(await c.getObjectViewSystem('state', 's.', 's.\u9999')).sort(),
        file: (await c.readFile('lab', 'out/a.bin', true)).file,
        missing: await c.readFile('lab', 'none').catch(String),
        folder: (await c.readDir('lab', 'out')).map(entry => entry.file),
        exists: [await c.fileExists('lab', 'out/a.bin'), await c.fileExists('lab', 'none')],
        config: (await c.getSystemConfig()).type,
        user: (await c.getCurrentUser()),
        feature: await c.checkFeatureSupported('ALIAS'),
        enums: typeof await c.getEnums('rooms'),
        denied: await c.delObject('s.x').catch(String),
    };
}

for (const [name, library] of Object.entries(LIBRARIES)) {
    test(`socket-client over ${name}`, async t => {
        const house = await startHouse(t);
        const bus = await openBus(t, house.url);
        await upload(bus, packageFolder('@iobroker/socket-client/build/esm'), 'lab', 'client/');
        await upload(bus, packageFolder('@iobroker/ws/build/esm'), 'lab', 'ws/');
        await bus.writeFile('lab', 'index.html', page(library));
        await bus.setObject('s.x', stateObject());
        const tab = await openPage(await startChromium(t), `${house.url}/lab/index.html`);
        await until(tab, () => window.log?.includes('ready'));
        const answers = await within(tab.evaluate(steps), 'steps');
        assert.deepEqual(answers, {
            version: 3, state: 5, states: ['s.new', 's.x'], nothing: [null, null], object: 'state', view: ['s.new', 's.x'], file: 'AQL/',
            missing: answers.missing, folder: ['a.bin'], exists: [true, false], config: 'config', user: 'admin', feature: true,
            enums: 'object', denied: answers.denied,
        });
        assert.match(answers.missing, /Not exists/);
        assert.match(answers.denied, /permissionError/);
        await until(tab, () => ['state,s.x,5', 'object,s.new,new', 'file,out/a.bin,3'].every(event => log.join().includes(event)));

        const gone = within(new Promise(resolve => bus.on('disconnect', resolve)), 'end of the server');
        await house.stop();
        await gone;
        await house.start();
        await within(bus.ready, 'connection');
        await until(tab, () => window.connection.isConnected());
        // It subscribes again some time after it is back.
        const timer = setInterval(() => bus.setState('s.x', 'after').catch(() => 0), 100);
        t.after(() => clearInterval(timer));
        await until(tab, () => log.join().includes('state,s.x,after'));
        clearInterval(timer);
        assert.deepEqual(tab.problems.filter(problem => !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(problem)), []);
    });
}

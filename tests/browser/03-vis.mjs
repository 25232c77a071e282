// SPDX-License-Identifier: MIT
// vis 1.5.6 as it is published, from the file store, with a small project.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { openPage, shoot, startChromium, until } from './lib/chromium.mjs';
import { openBus, startHouse, stateObject, within } from './lib/system.mjs';
import { packageFolder, PROJECT, uploadByProgram } from './lib/web.mjs';

const VALUES = { temperature: 21.46, text: 'Grüße 😀', light: false, level: 30, scene: '' };

async function startVis(t) {
    const house = await startHouse(t);
    const bus = await openBus(t, house.url);
    for (const name of ['vis', 'web']) {
        await uploadByProgram(house, bus, path.join(packageFolder(`iobroker.${name}`), 'www'), name);
    }
    await uploadByProgram(house, bus, PROJECT, 'vis.0');
    await bus.writeFile('vis', 'css/vis-common-user.css', '/* the adapter makes this file */\n');
    for (const [name, value] of Object.entries(VALUES)) {
        await bus.setObject(`kitchen.0.${name}`, stateObject({ name }));
        await bus.setState(`kitchen.0.${name}`, value, true);
    }
    for (const name of ['instance', 'data', 'command']) {
        await bus.setObject(`vis.0.control.${name}`, stateObject({ name }));
    }
    return { house, bus, context: await startChromium(t) };
}

const written = (bus, id, wanted) => within(new Promise(resolve => bus.subscribe(id, (_, state) => wanted(state) && resolve(state))), id);
const shows = (page, widget, text) => until(page, ([id, wanted]) => document.getElementById(id)?.textContent.trim() === wanted, [widget, text]);

test('the runtime: values, changes, clicks, a restart of the server', async t => {
    const { house, bus, context } = await startVis(t);
    const page = await openPage(context, `${house.url}/vis/index.html?main`);
    await shows(page, 'w00002', '21.5 C');
    await shows(page, 'w00003', VALUES.text);
    await shows(page, 'w00001', 'Kitchen');
    await until(page, () => document.querySelector('#w00007 img')?.naturalWidth > 0);
    await until(page, () => document.querySelector('#w00004 img')?.src.endsWith('/img/bulb_off.png'));
    await shoot(page, 'vis-runtime');

    const began = Date.now();
    await bus.setState('kitchen.0.temperature', 19, true);
    await shows(page, 'w00002', '19.0 C');
    assert.ok(Date.now() - began < 1000, `an outside change was shown after ${Date.now() - began} ms`);

    const light = written(bus, 'kitchen.0.light', state => state.val);
    await page.click('#w00004');
    assert.deepEqual((({ val, ack }) => ({ val, ack }))(await light), { val: true, ack: false });
    await until(page, () => document.querySelector('#w00004 img').src.endsWith('/img/bulb_on.png'));
    const scene = written(bus, 'kitchen.0.scene', state => state.val === 'evening');
    await page.click('#w00006 button');
    assert.equal((await scene).ack, false);
    const level = written(bus, 'kitchen.0.level', state => state.val > 60);
    const slider = await page.locator('#w00005_slider').boundingBox();
    await page.mouse.click(slider.x + slider.width * 0.75, slider.y + slider.height / 2);
    assert.equal(typeof (await level).val, 'number');
    assert.deepEqual(page.problems, []);

    await page.evaluate(() => (window.mark = true));
    const gone = within(new Promise(resolve => bus.on('disconnect', resolve)), 'end of the server');
    await house.stop();
    await gone;
    await house.start();
    await within(bus.ready, 'connection');
    await bus.setState('kitchen.0.text', 'after the restart', true);
    await shows(page, 'w00003', 'after the restart');
    assert.equal(await page.evaluate(() => window.mark), true, 'the page was not loaded anew');
    await bus.setState('kitchen.0.text', 'and live', true);
    await shows(page, 'w00003', 'and live');
    await shoot(page, 'vis-after-restart');
});

test('the editor loads the project and saves it', async t => {
    const { house, bus, context } = await startVis(t);
    const page = await openPage(context, `${house.url}/vis/edit.html?main`);
    await shows(page, 'w00002', '21.5 C');
    await until(page, () => document.getElementById('panel_body') && vis.editMode);
    const changed = new Promise(resolve => bus.subscribeFiles('vis.0', 'main/vis-views.json', (store, file, size) => resolve(size)));
    await page.evaluate(() => {
        vis.views.main.widgets.w00001.data.html = '<h1>Edited</h1>';
        vis.save();
    });
    assert.ok(await within(changed, 'saved project') > 0);
    assert.match((await bus.readFile('vis.0', 'main/vis-views.json')).data, /<h1>Edited<\/h1>/);
    await shoot(page, 'vis-editor');
    // Its own error: a type of data that browsers do not know.
    assert.deepEqual(page.problems.filter(problem => !/data:application\/json;charset=8/.test(problem)), []);
});

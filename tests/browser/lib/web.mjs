// SPDX-License-Identifier: MIT
// Web applications from their npm packages in the file store, as `iobus upload` puts them there.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../integration/lib/program.mjs';

const HERE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const PACKAGES = path.join(HERE, 'node_modules');
export const PROJECT = path.join(HERE, 'project');

function filesBelow(folder) {
    return fs.readdirSync(folder, { recursive: true }).filter(file => fs.statSync(path.join(folder, file)).isFile());
}

export const packageFolder = name => path.join(PACKAGES, name);

// What lies in a folder becomes files of the store, below the prefix.
export async function upload(bus, folder, store, prefix = '') {
    await bus.setObject(store, { type: 'meta', common: { name: store, type: 'meta.user' }, native: {} });
    for (const file of filesBelow(folder)) {
        await bus.writeFile(store, prefix + file.split(path.sep).join('/'), fs.readFileSync(path.join(folder, file)));
    }
}

export const uploadPackage = (bus, name) => upload(bus, path.join(packageFolder(`iobroker.${name}`), 'www'), name);

// With `iobus upload`, while the server runs; over the socket where the program does not have it.
export async function uploadByProgram(house, bus, folder, store) {
    const { stdout } = await run(['help']);
    if (!/^ +upload /m.test(stdout)) {
        await upload(bus, folder, store);
        return;
    }
    const { status, stderr } = await run(['upload', folder, store, '--data', house.data]);
    assert.equal(status, 0, stderr);
}

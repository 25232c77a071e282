// SPDX-License-Identifier: MIT
// The sessions of the README, command by command, with the output that stands there. Only the port, the data
// folder and the program's path are other ones.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { PROGRAM, ROOT, temporaryFolder, within } from './lib/program.mjs';

const README = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');

// All blocks of a language, one behind the other.
function block(language) {
    const found = [...README.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))];
    assert.ok(found.length, `README.md has no block ${language}`);
    return found.map(match => match[1]).join('');
}

// [{command, output}] of lines "$ command" and what follows each.
function session(text) {
    return text.split(/^\$ /m).slice(1).map(part => {
        const [command, ...lines] = part.trimEnd().split('\n');
        return { command, output: lines.join('\n') };
    });
}

async function freePort() {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

// `iobus serve ... &`: runs until `kill -9 %1`.
function startInBackground(command, options) {
    const child = spawn('bash', ['-c', `exec ${command.replace(/&$/, '')}`], options);
    let output = '';
    const ready = new Promise(resolve => child.stdout.on('data', data => {
        output += data;
        if (output.includes('\n')) {
            resolve(output.trimEnd());
        }
    }));
    return { child, ready };
}

test('the sessions', async t => {
    const folder = temporaryFolder(t);
    const port = await freePort();
    const adapt = text => text.replaceAll('8084', String(port)).replaceAll('build/release/iobus', PROGRAM)
        .replaceAll('tests/conformance', path.join(ROOT, 'tests/conformance'));
    fs.writeFileSync(path.join(folder, 'client.js'), adapt(block('js')));
    const env = { ...process.env, NODE_PATH: path.join(ROOT, 'tests/conformance/node_modules') };
    const options = { cwd: folder, env };
    let background;
    t.after(() => background?.child.kill('SIGKILL'));
    for (const { command, output } of session(block('console'))) {
        if (command.endsWith('&')) {
            background = startInBackground(adapt(command), options);
            assert.equal(await within(background.ready, command), adapt(output));
        } else if (command === 'kill -9 %1') {
            background.child.kill('SIGKILL');
            await within(once(background.child, 'exit'), command);
        } else {
            const { stdout } = await within(promisify(execFile)('bash', ['-c', adapt(command)], options), command);
            // How long it took, and where, differs.
            const same = text => text.trimEnd().replace(/in \d+\.\d s into .*/, '');
            assert.equal(same(stdout), same(adapt(output)), command);
        }
    }
});

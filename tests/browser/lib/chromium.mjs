// SPDX-License-Identifier: MIT
// Chromium of the system, without a window, with an empty profile; every page remembers what went wrong on it.
import http from 'node:http';
import path from 'node:path';
import fs from 'node:fs';
import { chromium } from 'playwright-core';
import { temporaryFolder, within } from '../../integration/lib/program.mjs';

const PROGRAM = process.env.TEST_CHROMIUM ?? '/usr/bin/chromium';
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'];
// Pictures of the pages for people; nothing compares them.
const SHOTS = process.env.TEST_SHOTS;

// args: further ones of the program; options: of the context.
export async function startChromium(t, { args = [], ...options } = {}) {
    const context = await chromium.launchPersistentContext(temporaryFolder(t), {
        executablePath: PROGRAM, headless: true, args: [...ARGS, ...args], viewport: { width: 1280, height: 800 }, ...options,
    });
    t.after(() => context.close());
    return context;
}

// page.problems: errors of the console, exceptions, requests that failed or were answered with an error.
export async function openPage(context, url) {
    const page = await context.newPage();
    page.problems = [];
    page.on('console', message => message.type() === 'error' && page.problems.push(`console: ${message.text()} ${message.location().url}`));
    page.on('pageerror', error => page.problems.push(`exception: ${error.message}`));
    page.on('requestfailed', request => page.problems.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
    page.on('response', answer => answer.status() >= 400 && page.problems.push(`${answer.status()}: ${answer.url()}`));
    if (url) {
        await page.goto(url);
    }
    return page;
}

// Until a function of the page returns something true.
export async function until(page, fn, arg) {
    try {
        return await page.waitForFunction(fn, arg, { timeout: 20_000 });
    } catch (error) {
        throw new Error(`${error.message}\n${fn} ${JSON.stringify(arg)}\n${page.problems.join('\n')}`);
    }
}

// Texts as pages of another origin: { '/': html }. Resolves to the URL.
export async function servePages(t, pages) {
    const server = http.createServer((request, response) => {
        const { pathname } = new URL(request.url, 'http://x');
        const text = pages[pathname];
        const missing = pathname === '/favicon.ico' ? 204 : 404;
        response.writeHead(text === undefined ? missing : 200, { 'Content-Type': 'text/html; charset=utf-8' });
        response.end(text);
    });
    await within(new Promise(resolve => server.listen(0, '127.0.0.1', resolve)), 'page server');
    t.after(() => server.close());
    return `http://127.0.0.1:${server.address().port}`;
}

export async function shoot(page, name) {
    if (SHOTS) {
        fs.mkdirSync(SHOTS, { recursive: true });
        await page.screenshot({ path: path.join(SHOTS, `${name}.png`) });
    }
}

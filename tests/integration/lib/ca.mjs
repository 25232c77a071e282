// SPDX-License-Identifier: MIT
// A certificate authority of a test, made by openssl: a root, an intermediate, and certificates of servers.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from './program.mjs';

const SERVER = 'subjectAltName=DNS:localhost,DNS:*.example.test,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n';
const AUTHORITY = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n';

export class Authority {
    constructor(t) {
        this.folder = temporaryFolder(t);
        this.serial = 1;
        this.openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'root.key', '-out', 'root.pem',
            '-subj', '/CN=Root of the test', '-days', '10');
        this.sign('middle', 'Intermediate of the test', 'root', AUTHORITY);
        this.root = this.read('root.pem');
        this.chainFile = this.file('middle.pem');
    }

    openssl(...args) {
        return execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    }

    file(name) {
        return path.join(this.folder, name);
    }

    read(name) {
        return fs.readFileSync(this.file(name), 'utf8');
    }

    sign(name, subject, issuer, extensions) {
        fs.writeFileSync(this.file(`${name}.ext`), extensions);
        this.openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`,
            '-subj', `/CN=${subject}`);
        this.openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`,
            '-set_serial', String(++this.serial), '-out', `${name}.pem`, '-days', '5', '-extfile', `${name}.ext`);
    }

    // { cert, key, subject, serial, fingerprint } of a new certificate; cert and key are files.
    issue(name, subject = name) {
        this.sign(name, subject, 'middle', SERVER);
        const { serialNumber, fingerprint256, publicKey } = new crypto.X509Certificate(this.read(`${name}.pem`));
        const spki = crypto.createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
        return { cert: this.file(`${name}.pem`), key: this.file(`${name}.key`), subject, serial: serialNumber,
            fingerprint: fingerprint256, spki };
    }
}

// Puts a certificate where another one is, as a tool does it: one file after the other, each renamed into place.
export function install(from, to) {
    for (const part of ['cert', 'key']) {
        fs.copyFileSync(from[part], `${to[part]}.new`);
        fs.renameSync(`${to[part]}.new`, to[part]);
    }
}

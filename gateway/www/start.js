// SPDX-License-Identifier: MIT
// Lists a few live values on the start page: shows that the server works, and how a page talks to it.
'use strict';

(function () {
    const MAX_ROWS = 40;
    const rows = new Map(); // id -> table row
    const table = document.querySelector('table');
    const status = document.getElementById('status');

    function say(text, bad) {
        status.textContent = text;
        status.className = bad ? 'bad' : '';
    }

    function cell(row, text) {
        const td = row.insertCell();
        td.textContent = text;
        return td;
    }

    function makeRow(id) {
        const row = table.tBodies[0].insertRow();
        cell(row, id);
        cell(row, '').className = 'value';
        cell(row, '');
        rows.set(id, row);
        return row;
    }

    function show(id, state, changed) {
        const row = rows.get(id) || (rows.size < MAX_ROWS && state ? makeRow(id) : null);
        if (!row) {
            return;
        }
        row.cells[1].textContent = state ? String(state.val) : '(gone)';
        row.cells[2].textContent = state ? new Date(state.ts).toLocaleTimeString() : '';
        row.cells[1].classList.toggle('new', changed);
        setTimeout(() => row.cells[1].classList.remove('new'), 600);
        table.hidden = false;
    }

    // What a house has comes before what the system says about itself.
    function rank(id) {
        return id.startsWith('system.') ? 2 : id.includes('.info.') ? 1 : 0;
    }

    function fill(error, states) {
        if (error) {
            say('The states cannot be read: ' + error, true);
            return;
        }
        const ids = Object.keys(states).filter(id => states[id]);
        ids.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
        ids.slice(0, MAX_ROWS).forEach(id => show(id, states[id], false));
        say(ids.length + ' states, ' + Math.min(ids.length, MAX_ROWS) + ' of them here:');
    }

    if (typeof io === 'undefined') {
        say('The socket.io client library is not installed, so there are no live values here.', true);
        return;
    }
    const base = location.pathname.replace(/[^/]*$/, '');
    const socket = io.connect(location.origin, { path: base + 'socket.io' });
    socket.on('connect', () => {
        socket.emit('name', 'start page');
        socket.emit('subscribe', '*');
        socket.emit('getStates', '*', fill);
    });
    socket.on('stateChange', (id, state) => show(id, state, true));
    socket.on('permissionError', () => say('The default user may not read states.', true));
    socket.on('disconnect', () => say('Connection lost, trying again …', true));
})();

// SPDX-License-Identifier: MIT
// The commands that there are, from the gateway's own table, and those that the reference documents.
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './program.mjs';

const TABLE = fs.readFileSync(path.join(ROOT, 'gateway/command.def'), 'utf8');

// [{name, flags, isAdmin}], in the order of the table.
export const ROWS = [...TABLE.matchAll(/^(?:BUS|LOCAL)\("(\w+)",([^)]*)\)/gm)]
    .map(([, name, rest]) => ({ name, flags: rest, isAdmin: rest.includes('ROW_ADMIN') }));
export const COMMANDS = ROWS.map(({ name }) => name);

// commands.md 2.1 and 7: all of socketio 3.1.5 and 8.0.1.
export const DOCUMENTED = `name authenticate updateTokenExpiration error log checkFeatureSupported getHistory httpGet
    sendTo sendToHost authEnabled logout listPermissions getUserPermissions getVersion getAdapterName getStates
    getForeignStates getState setState getBinaryState setBinaryState subscribe subscribeStates unsubscribe
    unsubscribeStates clientSubscribe clientUnsubscribe getCompactSystemConfig readFile readFile64 writeFile
    writeFile64 unlink deleteFile deleteFolder rename renameFile mkdir readDir chmodFile chownFile fileExists
    subscribeFiles unsubscribeFiles getAdapterInstances getObject getObjects getAllObjects getObjectView setObject
    extendObject delObject subscribeObjects unsubscribeObjects requireLog getForeignObjects delState delObjects
    cmdExec readLogs getHostByIp addUser delUser addGroup delGroup changePassword eventsThreshold getRatings
    getCurrentInstance decrypt encrypt getIsEasyModeStrict getEasyMode getAdapters updateLicenses
    getCompactInstances getCompactAdapters getCompactInstalled getCompactSystemRepositories getCompactRepository
    getCompactHosts`.split(/\s+/);

// The host commands of sendToHost (commands.md 2.6).
export const HOST_COMMANDS = `cmdExec getRepository getInstalled getInstalledAdapter getVersion getDiagData
    getLocationOnDisk getDevList getLogs getLogFile getLogFiles getHostInfo getHostInfoShort delLogs readDirAsZip
    writeDirAsZip readObjectsAsZip writeObjectsAsZip checkLogging updateMultihost upgradeController
    upgradeAdapterWithWebserver getInterfaces upload rebuildAdapter readBaseSettings writeBaseSettings
    addNotification clearNotifications getNotifications updateLicenses upgradeOsPackages restartController
    sendToSentry shell`.split(/\s+/);

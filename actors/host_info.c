/* SPDX-License-Identifier: MIT */
#include "actors/host_info.h"

#include "actors/host_name.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <limits.h>
#include <math.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define DEVICES_MAX 10000
#define INTERFACES_MAX 1000
#define LINE_BYTES 512
#define MB (1024.0 * 1024.0)

/* --- facts ----------------------------------------------------------------------------------- */

void host_facts_init(host_facts_t *self, const config_t *config, int64_t mono_ms)
{
    char path[PATH_MAX];
    char *name = host_name(config);
    const char *data = config_text(config, "data");
    buf_t id = {0};
    buf_printf(&id, "system.host.%s", name);
    *self = (host_facts_t){.name = name,
                           .id = str_dup(buf_str(&id)),
                           .version = strdup(config_text(config, "compatible-version")),
                           .data = strdup(realpath(data, path) ? path : data),
                           .started_ms = mono_ms};
    assert(self->name && self->id && self->version && self->data);
    buf_fini(&id);
}

void host_facts_fini(host_facts_t *self)
{
    free(self->name);
    free(self->id);
    free(self->version);
    free(self->data);
    *self = (host_facts_t){0};
}

/* --- network --------------------------------------------------------------------------------- */

static unsigned mask_bits(const uint8_t *bytes, size_t len)
{
    unsigned bits = 0;
    for (size_t i = 0; i < len; i++)
        bits += (unsigned)__builtin_popcount(bytes[i]);
    return bits;
}

static const void *address_bytes(const struct sockaddr *address)
{
    return address->sa_family == AF_INET
               ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
               : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
}

static void put_mac(buf_t *out, const struct ifaddrs *list, const char *name)
{
    char text[18] = "00:00:00:00:00:00";
    for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_PACKET ||
            strcmp(at->ifa_name, name) != 0)
            continue;
        const struct sockaddr_ll *link = (const struct sockaddr_ll *)(const void *)at->ifa_addr;
        const unsigned char *mac = link->sll_addr;
        if (link->sll_halen == 6)
            snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                     mac[3], mac[4], mac[5]);
    }
    mp_put_cstr(out, "mac");
    mp_put_cstr(out, text);
}

static void put_address(buf_t *out, const struct ifaddrs *list, const struct ifaddrs *one)
{
    bool v4 = one->ifa_addr->sa_family == AF_INET;
    char address[INET6_ADDRSTRLEN] = "", mask[INET6_ADDRSTRLEN] = "", cidr[64];
    const void *bits = one->ifa_netmask ? address_bytes(one->ifa_netmask) : NULL;
    inet_ntop(one->ifa_addr->sa_family, address_bytes(one->ifa_addr), address, sizeof address);
    if (bits)
        inet_ntop(one->ifa_addr->sa_family, bits, mask, sizeof mask);
    snprintf(cidr, sizeof cidr, "%s/%u", address, bits ? mask_bits(bits, v4 ? 4 : 16) : 0);
    mp_put_map(out, v4 ? 6 : 7);
    mp_put_cstr(out, "address");
    mp_put_cstr(out, address);
    mp_put_cstr(out, "netmask");
    mp_put_cstr(out, mask);
    mp_put_cstr(out, "family");
    mp_put_cstr(out, v4 ? "IPv4" : "IPv6");
    put_mac(out, list, one->ifa_name);
    mp_put_cstr(out, "internal");
    mp_put_bool(out, one->ifa_flags & IFF_LOOPBACK);
    mp_put_cstr(out, "cidr");
    mp_put_cstr(out, cidr);
    if (!v4) {
        mp_put_cstr(out, "scopeid");
        mp_put_uint(out, ((const struct sockaddr_in6 *)(const void *)one->ifa_addr)->sin6_scope_id);
    }
}

static bool has_address(const struct ifaddrs *one)
{
    return one->ifa_addr && (one->ifa_flags & IFF_UP) &&
           (one->ifa_addr->sa_family == AF_INET || one->ifa_addr->sa_family == AF_INET6);
}

static bool is_first(const struct ifaddrs *list, const struct ifaddrs *one)
{
    for (const struct ifaddrs *at = list; at != one; at = at->ifa_next) {
        if (has_address(at) && strcmp(at->ifa_name, one->ifa_name) == 0)
            return false;
    }
    return true;
}

void host_info_put_interfaces(buf_t *out)
{
    struct ifaddrs *list = NULL;
    uint32_t interfaces = 0;
    if (getifaddrs(&list) != 0)
        list = NULL;
    size_t map = mp_begin_map(out);
    for (const struct ifaddrs *one = list; one && interfaces < INTERFACES_MAX;
         one = one->ifa_next) {
        if (!has_address(one) || !is_first(list, one))
            continue;
        uint32_t addresses = 0;
        mp_put_cstr(out, one->ifa_name);
        size_t array = mp_begin_array(out);
        for (const struct ifaddrs *at = one; at; at = at->ifa_next) {
            if (!has_address(at) || strcmp(at->ifa_name, one->ifa_name) != 0)
                continue;
            put_address(out, list, at);
            addresses++;
        }
        mp_end(out, array, addresses);
        interfaces++;
    }
    mp_end(out, map, interfaces);
    if (list)
        freeifaddrs(list);
}

/* --- devices --------------------------------------------------------------------------------- */

void host_info_put_devices(buf_t *out)
{
    DIR *dir = opendir("/dev");
    struct dirent *entry;
    uint32_t count = 0;
    size_t array = mp_begin_array(out);
    while (dir && count < DEVICES_MAX && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        mp_put_cstr(out, entry->d_name);
        count++;
    }
    mp_end(out, array, count);
    if (dir)
        closedir(dir);
}

/* --- processor and memory -------------------------------------------------------------------- */

/* The text behind "key: " of the first such line; false: there is none. */
static bool read_field(const char *path, const char *key, char *out, size_t size)
{
    char line[LINE_BYTES];
    size_t len = strlen(key);
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, len) != 0)
            continue;
        char *value = strchr(line, ':');
        if (!value)
            continue;
        value += 1 + strspn(value + 1, " \t");
        value[strcspn(value, "\n")] = '\0';
        snprintf(out, size, "%s", value);
        found = true;
    }
    if (file)
        fclose(file);
    return found;
}

/* Bytes; false: the system does not say. */
static bool memory(double *total, double *available)
{
    char text[LINE_BYTES];
    struct sysinfo info;
    if (sysinfo(&info) != 0)
        return false;
    *total = (double)info.totalram * info.mem_unit;
    *available = (double)info.freeram * info.mem_unit;
    if (read_field("/proc/meminfo", "MemAvailable", text, sizeof text))
        *available = strtod(text, NULL) * 1024;
    return *total > 0;
}

static bool resident(double *bytes)
{
    unsigned long size, pages;
    FILE *file = fopen("/proc/self/statm", "re");
    bool found = file && fscanf(file, "%lu %lu", &size, &pages) == 2;
    if (file)
        fclose(file);
    *bytes = found ? (double)pages * (double)sysconf(_SC_PAGESIZE) : 0;
    return found;
}

static bool disk(const host_facts_t *facts, double *total, double *available)
{
    struct statvfs info;
    if (statvfs(facts->data, &info) != 0)
        return false;
    *total = (double)info.f_blocks * (double)info.f_frsize;
    *available = (double)info.f_bavail * (double)info.f_frsize;
    return true;
}

/* What node calls it. */
static const char *architecture(const char *machine)
{
    static const struct {
        const char *machine, *node;
    } names[] = {{"x86_64", "x64"}, {"aarch64", "arm64"}, {"armv7l", "arm"},   {"armv6l", "arm"},
                 {"i686", "ia32"},  {"i386", "ia32"},     {"ppc64le", "ppc64"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(machine, names[i].machine) == 0)
            return names[i].node;
    }
    return machine;
}

/* --- maps ------------------------------------------------------------------------------------ */

static uint32_t put_text(buf_t *out, const char *key, const char *text)
{
    mp_put_cstr(out, key);
    mp_put_cstr(out, text);
    return 1;
}

static uint32_t put_number(buf_t *out, const char *key, double value)
{
    mp_put_cstr(out, key);
    mp_put_double(out, value);
    return 1;
}

/* Minutes to add to local time to get UTC, as JavaScript's getTimezoneOffset. */
static double time_offset(int64_t now_ms)
{
    struct tm tm = {0};
    time_t now = (time_t)(now_ms / 1000);
    localtime_r(&now, &tm);
    return -(double)tm.tm_gmtoff / 60;
}

uint32_t host_info_put_short(buf_t *out, const host_facts_t *facts, int64_t now_ms)
{
    struct utsname name = {0};
    struct sysinfo info = {0};
    char model[LINE_BYTES] = "", speed[LINE_BYTES] = "0";
    double total = 0, available = 0, offset = time_offset(now_ms);
    uname(&name);
    sysinfo(&info);
    (void)memory(&total, &available);
    if (!read_field("/proc/cpuinfo", "model name", model, sizeof model))
        (void)read_field("/proc/cpuinfo", "Model", model, sizeof model);
    (void)read_field("/proc/cpuinfo", "cpu MHz", speed, sizeof speed);
    uint32_t count = put_text(out, "Platform", "linux");
    count += put_text(out, "os", "linux");
    count += put_text(out, "Architecture", architecture(name.machine));
    count += put_number(out, "CPUs", (double)sysconf(_SC_NPROCESSORS_ONLN));
    count += put_number(out, "Speed", floor(strtod(speed, NULL)));
    count += put_text(out, "Model", model);
    count += put_number(out, "RAM", total);
    count += put_number(out, "System uptime", (double)info.uptime);
    count += put_text(out, "location", facts->data);
    count += put_number(out, "time", (double)now_ms);
    return count + put_number(out, "timeOffset", offset == 0 ? 0 : offset);
}

uint32_t host_info_put_more(buf_t *out, const host_facts_t *facts, int64_t mono_ms)
{
    double total = 0, available = 0;
    uint32_t count = put_text(out, "iobus", IOBUS_VERSION);
    count += put_number(out, "adapters count", 0);
    if (disk(facts, &total, &available)) {
        count += put_number(out, "Disk size", total);
        count += put_number(out, "Disk free", available);
    }
    count += put_number(out, "Active instances", 1);
    return count + put_number(out, "Uptime", (double)((mono_ms - facts->started_ms) / 1000));
}

static double percent(double part, double whole)
{
    return floor(part / whole * 100 + 0.5);
}

bool host_info_number(host_number_t which, const host_facts_t *facts, int64_t mono_ms, double *out)
{
    double total, available, load[1];
    switch (which) {
    case HOST_LOAD:
        if (getloadavg(load, 1) != 1)
            return false;
        *out = floor(load[0] * 100 + 0.5) / 100;
        return true;
    case HOST_MEM:
    case HOST_FREE_MB:
        if (!memory(&total, &available))
            return false;
        *out = which == HOST_MEM ? percent(total - available, total) : floor(available / MB);
        return true;
    case HOST_RSS_MB:
        if (!resident(&total))
            return false;
        *out = floor(total / MB * 100 + 0.5) / 100;
        return true;
    case HOST_DISK_MB:
    case HOST_DISK_FREE_MB:
        if (!disk(facts, &total, &available))
            return false;
        *out = floor((which == HOST_DISK_MB ? total : available) / MB);
        return true;
    case HOST_UPTIME_S:
        *out = (double)((mono_ms - facts->started_ms) / 1000);
        return true;
    }
    return false;
}

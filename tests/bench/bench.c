#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REGION_PIECE ((size_t)1 << 20)

void bench_die(const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

void bench_die_errno(const char *what)
{
  bench_die("%s: %s", what, strerror(errno));
}

void *bench_alloc(size_t count, size_t size)
{
  void *block = calloc(count > 0 ? count : 1, size);

  if (block == NULL)
    bench_die("out of memory");
  return block;
}

static uint64_t number_of(const char *name, const char *text)
{
  char *end;
  uint64_t value;

  errno = 0;
  value = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || *text == '-')
    bench_die("%s %s: not a number", name, text);
  return value;
}

int bench_options(int argc, char **argv, const bench_option *options, size_t count)
{
  int at = 1;

  while (at < argc && strncmp(argv[at], "--", 2) == 0) {
    size_t i = 0;

    while (i < count && strcmp(options[i].name, argv[at]) != 0)
      i++;
    if (i == count || at + 1 == argc)
      bench_die("unknown option or no value: %s", argv[at]);
    if (options[i].number != NULL)
      *options[i].number = number_of(argv[at], argv[at + 1]);
    else
      *options[i].text = argv[at + 1];
    at += 2;
  }
  return at;
}

void bench_raise_limits(void)
{
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
}

void bench_pin(uint64_t cpu)
{
  cpu_set_t set;

  if (cpu >= CPU_SETSIZE)
    return;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  (void)sched_setaffinity(0, sizeof(set), &set);
}

static uint64_t clock_ns(clockid_t clock)
{
  struct timespec now;

  if (clock_gettime(clock, &now) < 0)
    bench_die_errno("clock_gettime");
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t bench_now_ns(void)
{
  return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t microseconds(const struct timeval *time)
{
  return (uint64_t)time->tv_sec * 1000000u + (uint64_t)time->tv_usec;
}

/* The first number of /proc/PID/schedstat: nanoseconds on a processor. */
static uint64_t process_ns(uint64_t pid)
{
  char path[64];
  uint64_t ns = 0;
  FILE *file;

  snprintf(path, sizeof(path), "/proc/%" PRIu64 "/schedstat", pid);
  file = fopen(path, "r");
  if (file == NULL)
    return 0;
  if (fscanf(file, "%" SCNu64, &ns) != 1)
    ns = 0;
  fclose(file);
  return ns;
}

void bench_mark_now(bench_mark *mark, uint64_t peer)
{
  struct rusage usage;

  if (getrusage(RUSAGE_SELF, &usage) < 0)
    bench_die_errno("getrusage");
  mark->user_us = microseconds(&usage.ru_utime);
  mark->system_us = microseconds(&usage.ru_stime);
  mark->peer_ns = peer > 0 ? process_ns(peer) : 0;
  mark->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  mark->wall_ns = bench_now_ns();
}

void bench_report(const bench_mark *from, const bench_mark *to, uint64_t requests, uint64_t bytes)
{
  double seconds = (double)(to->wall_ns - from->wall_ns) / 1e9;
  double cpu_us = (double)(to->cpu_ns - from->cpu_ns) / 1e3;
  double peer_us = (double)(to->peer_ns - from->peer_ns) / 1e3;
  double n = requests > 0 ? (double)requests : 1;
  double ticks = (double)(to->user_us - from->user_us + to->system_us - from->system_us);
  struct rusage usage;

  getrusage(RUSAGE_SELF, &usage);
  printf("requests=%" PRIu64 " seconds=%.4f rate=%.1f cpu_us=%.3f user_us=%.3f peer_us=%.3f",
         requests, seconds, (double)requests / seconds, cpu_us / n,
         ticks > 0 ? cpu_us / n * (double)(to->user_us - from->user_us) / ticks : 0.0, peer_us / n);
  printf(" busy=%.3f peer_busy=%.3f mib_s=%.2f max_rss_kib=%ld\n", cpu_us / 1e6 / seconds,
         peer_us / 1e6 / seconds, (double)bytes / 1048576.0 / seconds, usage.ru_maxrss);
}

static void parse_unix(bench_address *address, const char *path)
{
  struct sockaddr_un *name = (void *)&address->storage;

  if (strlen(path) >= sizeof(name->sun_path))
    bench_die("%s: too long", path);
  name->sun_family = AF_UNIX;
  memcpy(name->sun_path, path, strlen(path) + 1);
  address->len = sizeof(*name);
}

static void parse_tcp(bench_address *address, const char *text)
{
  struct sockaddr_in *name = (void *)&address->storage;
  const char *colon = strrchr(text, ':');
  char host[INET_ADDRSTRLEN];

  if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
    bench_die("%s: not an address", text);
  memcpy(host, text, (size_t)(colon - text));
  host[colon - text] = '\0';
  name->sin_family = AF_INET;
  name->sin_port = htons((uint16_t)number_of("port", colon + 1));
  if (inet_pton(AF_INET, host, &name->sin_addr) != 1)
    bench_die("%s: not an IPv4 address", host);
  address->len = sizeof(*name);
}

void bench_address_parse(bench_address *address, const char *text)
{
  memset(address, 0, sizeof(*address));
  if (strncmp(text, "unix://", 7) == 0)
    parse_unix(address, text + 7);
  else if (strncmp(text, "tcp://", 6) == 0)
    parse_tcp(address, text + 6);
  else
    bench_die("%s: neither unix:// nor tcp://", text);
}

int bench_socket(const bench_address *address, int flags)
{
  int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), on = 1;

  if (fd < 0)
    bench_die_errno("socket");
  if (address->storage.ss_family == AF_INET)
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

int bench_connect(const bench_address *address, int flags)
{
  int fd = bench_socket(address, flags);

  while (connect(fd, (const struct sockaddr *)&address->storage, address->len) < 0) {
    struct pollfd wait = {.fd = fd, .events = POLLOUT};

    if (errno == EINPROGRESS) {
      (void)poll(&wait, 1, -1);
      break;
    }
    if (errno != EAGAIN)
      bench_die_errno("connect");
    (void)poll(NULL, 0, 1);
  }
  return fd;
}

const uint8_t *bench_region(size_t len)
{
  size_t size = (len + REGION_PIECE - 1) / REGION_PIECE * REGION_PIECE, at;
  int fd = memfd_create("bench", MFD_CLOEXEC);
  uint8_t *region, *piece;

  if (fd < 0 || ftruncate(fd, (off_t)REGION_PIECE) < 0)
    bench_die_errno("memfd_create");
  piece = mmap(NULL, REGION_PIECE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  region = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (piece == MAP_FAILED || region == MAP_FAILED)
    bench_die_errno("mmap");
  memset(piece, 'x', REGION_PIECE);
  for (at = 0; at < size; at += REGION_PIECE)
    if (mmap(region + at, REGION_PIECE, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) ==
        MAP_FAILED)
      bench_die_errno("mmap");
  munmap(piece, REGION_PIECE);
  close(fd);
  return region;
}

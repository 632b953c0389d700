#include "status_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

const char *const status_order_names[ORDER_COUNT] = {"load", "address", "pool"};

static const char help[] =
    "usage: fcgi-status [OPTION]... [ADDRESS]...\n\n"
    "Prints the status of php-fpm pools. ADDRESS: 127.0.0.1:9000 (the default), tcp://host:9000,\n"
    "[::1]:9000, unix:///run/php-fpm.sock, /run/php-fpm.sock.\n\n"
    "  -f, --servers FILE     also the addresses in FILE, one a line; - is stdin; can be repeated\n"
    "  -p, --path PATH        the status page (/status?full)\n"
    "  -m, --timeout MS       that a server may take in all (5000)\n"
    "  -q, --quiet            a line for each server that is not as it should be, and nothing "
    "else\n"
    "  -j, --json             one document\n"
    "  -o, --openmetrics      metrics, for Prometheus and others\n"
    "  -w, --watch SECONDS    again and again: a table on a terminal, lines elsewhere\n"
    "  -n, --count N          end --watch after N times\n"
    "  -s, --sort ORDER       of the table: load, address, pool\n"
    "  -P, --ping PATH        ask for the ping page instead, a line for each server\n"
    "  -h, --help             this\n"
    "  -V, --version\n\n"
    "Limits: a line for each server then, and exit status 3 if one goes beyond.\n"
    "  --max-active P%        share of workers that are active\n"
    "  --min-idle N           idle workers\n"
    "  --start-since N  --accepted-conn N  --listen-queue N  --max-listen-queue N\n"
    "  --listen-queue-len N  --idle-processes N  --active-processes N  --total-processes N\n"
    "  --max-active-processes N  --max-children-reached N  --slow-requests N  --memory-peak N\n"
    "                         the greatest value of what the status page calls so\n\n"
    "Exit: 0 all is well, 1 a server failed, 2 usage, 3 a limit was passed, 5 other trouble\n";

enum { OPTION_LIMIT = 256, OPTION_COUNT = 12 };

static const struct option named[OPTION_COUNT] = {
    {"servers", required_argument, NULL, 'f'}, {"path", required_argument, NULL, 'p'},
    {"timeout", required_argument, NULL, 'm'}, {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, 'j'},          {"openmetrics", no_argument, NULL, 'o'},
    {"watch", required_argument, NULL, 'w'},   {"count", required_argument, NULL, 'n'},
    {"sort", required_argument, NULL, 's'},    {"ping", required_argument, NULL, 'P'},
    {"help", no_argument, NULL, 'h'},          {"version", no_argument, NULL, 'V'},
};

/* Those above, and one for each limit. */
static void make_options(struct option out[OPTION_COUNT + LIMIT_COUNT + 1])
{
  int i;

  memcpy(out, named, sizeof(named));
  for (i = 0; i < LIMIT_COUNT; i++) {
    struct option *option = &out[OPTION_COUNT + i];

    option->name = i == LIMIT_ACTIVE_PERCENT ? "max-active"
                   : i == LIMIT_MIN_IDLE     ? "min-idle"
                                             : pool_fields[i].limit;
    option->has_arg = required_argument;
    option->flag = NULL;
    option->val = OPTION_LIMIT + i;
  }
  memset(&out[OPTION_COUNT + LIMIT_COUNT], 0, sizeof(out[0]));
}

static int usage(const char *what, const char *why)
{
  tool_complain(what, why);
  fputs("fcgi-status --help says more\n", stderr);
  return STATUS_USAGE;
}

/* The text without the percent sign that may follow a share. */
static int read_limit(limit_set *all, int limit, char *text)
{
  size_t len = strlen(text);
  uint64_t most = UINT64_MAX;

  if (limit == LIMIT_ACTIVE_PERCENT) {
    most = 100;
    if (len > 0 && text[len - 1] == '%')
      text[len - 1] = '\0';
  }
  all->is_set[limit] = 1;
  return tool_number(text, 0, most, &all->bound[limit]) == 0
             ? -1
             : usage("a limit is a number, that of --max-active one from 0 to 100", text);
}

/* Seconds with at most three digits behind a point, as milliseconds. */
static int read_interval(uint64_t *ms, char *text)
{
  char *point = strchr(text, '.');
  uint64_t seconds, thousandths = 0;
  size_t digits = 0;

  if (point != NULL) {
    *point = '\0';
    digits = strlen(point + 1);
    if (digits == 0 || digits > 3 || tool_number(point + 1, 0, 999, &thousandths) != 0)
      return -1;
  }
  for (; digits > 0 && digits < 3; digits++)
    thousandths *= 10;
  if (tool_number(text, 0, 86400, &seconds) != 0)
    return -1;
  *ms = seconds * 1000 + thousandths;
  return *ms >= 100 ? 0 : -1;
}

static int read_order(status_order *order, const char *text)
{
  int i;

  for (i = 0; i < ORDER_COUNT; i++)
    if (strcmp(text, status_order_names[i]) == 0) {
      *order = (status_order)i;
      return -1;
    }
  return usage("--sort: load, address or pool", text);
}

static int is_page(const char *path)
{
  return path[0] == '/' && strpbrk(path, "\r\n") == NULL;
}

static int read_number_option(status_options *out, int c, char *text)
{
  if (c == 'm')
    return tool_number(text, 1, UINT32_MAX - 1, &out->timeout_ms) == 0
               ? -1
               : usage("--timeout: milliseconds, at least 1", text);
  return tool_number(text, 1, UINT64_MAX, &out->rounds) == 0
             ? -1
             : usage("--count: a number, at least 1", text);
}

/* -1: go on; else the exit status. */
static int read_option(status_options *out, int c, char *text)
{
  if (c >= OPTION_LIMIT)
    return read_limit(&out->limits, c - OPTION_LIMIT, text);
  switch (c) {
  case 'f':
    return servers_add_file(&out->servers, text) == FCGIP_OK ? -1 : STATUS_USAGE;
  case 'p':
    out->path = text;
    return is_page(text) ? -1 : usage("--path: it begins with a /", text);
  case 'P':
    out->ping = text;
    return is_page(text) ? -1 : usage("--ping: it begins with a /", text);
  case 'm':
  case 'n':
    return read_number_option(out, c, text);
  case 'q':
    out->quiet = 1;
    return -1;
  case 'j':
    out->form = FORM_JSON;
    return -1;
  case 'o':
    out->form = FORM_METRICS;
    return -1;
  case 'w':
    out->is_watching = 1;
    return read_interval(&out->interval_ms, text) == 0
               ? -1
               : usage("--watch: seconds, from 0.1 to 86400", NULL);
  case 's':
    return read_order(&out->order, text);
  case 'h':
    fputs(help, stdout);
    return tool_flush() == 0 ? STATUS_FINE : STATUS_TROUBLE;
  case 'V':
    printf("fcgi-status %s\n", fcgip_version());
    return tool_flush() == 0 ? STATUS_FINE : STATUS_TROUBLE;
  default:
    return usage("an option is unknown, or lacks what belongs to it", NULL);
  }
}

/* What makes no sense together. */
static int check_options(const status_options *options, int json_and_metrics)
{
  int form = options->form == FORM_JSON || options->form == FORM_METRICS;

  if (json_and_metrics)
    return usage("--json or --openmetrics, not both", NULL);
  if (options->form == FORM_METRICS && options->is_watching)
    return usage("--openmetrics is for one time, not with --watch", NULL);
  if (options->rounds > 0 && !options->is_watching)
    return usage("--count is for --watch", NULL);
  if (options->quiet && (form || options->is_watching))
    return usage("--quiet is not for --json, --openmetrics and --watch", NULL);
  if (options->ping != NULL &&
      (options->form == FORM_METRICS || options->is_watching || limits_any(&options->limits)))
    return usage("--ping is not for --openmetrics, --watch and limits", NULL);
  return -1;
}

static int add_servers(status_options *out, char *const *addresses)
{
  fcgip_endpoint_options *each = &out->servers.options;
  int rc;

  each->struct_size = sizeof(*each);
  each->connect_timeout_ms = (uint32_t)out->timeout_ms;
  each->read_write_timeout_ms = UINT32_MAX;
  each->request_timeout_ms = (uint32_t)out->timeout_ms;
  rc = servers_add_all(&out->servers, addresses);
  if (rc == FCGIP_OK)
    rc = servers_open(&out->servers);
  return rc == FCGIP_OK ? -1 : rc == FCGIP_EINVAL ? STATUS_USAGE : STATUS_TROUBLE;
}

int status_options_read(status_options *out, int argc, char **argv)
{
  struct option options[OPTION_COUNT + LIMIT_COUNT + 1];
  int c, result = -1, json = 0, metrics = 0;

  memset(out, 0, sizeof(*out));
  out->timeout_ms = 5000;
  make_options(options);
  while (result < 0 && (c = getopt_long(argc, argv, "f:p:m:qjow:n:s:P:hV", options, NULL)) != -1) {
    json |= c == 'j';
    metrics |= c == 'o';
    result = read_option(out, c, optarg);
  }
  if (result < 0)
    result = check_options(out, json && metrics);
  if (result < 0 && out->form == FORM_REPORT && (out->quiet || limits_any(&out->limits)))
    out->form = FORM_CHECK;
  return result < 0 ? add_servers(out, argv + optind) : result;
}

const char *status_options_page(const status_options *options)
{
  if (options->path != NULL)
    return options->path;
  return options->form == FORM_CHECK || (options->is_watching && options->form != FORM_JSON)
             ? "/status"
             : "/status?full";
}

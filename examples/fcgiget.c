/* One request from the command line: `fcgiget --help` says how. */
#define _XOPEN_SOURCE 700 /* stat, fileno */
#include <fcgiproxy/fcgiproxy.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: fcgiget [OPTION]... ADDRESS/PATH[?QUERY]\n"
    "ADDRESS: 127.0.0.1:9000, tcp://host:9000, [::1]:9000, or unix:///run/php-fpm.sock, of which\n"
    "the longest beginning that is a socket when fcgiget runs is taken; PATH is the rest.\n"
    "--method METHOD  --script FILE (on the server)  --var NAME=VALUE  --headers (show them)\n"
    "--content FILE (- is stdin; below 64 MiB)  --type TYPE  --connect-timeout MS  --timeout MS\n"
    "exit: 0 HTTP below 400, 1 HTTP from 400, 2 usage, 3 no connection, 4 timeout, 5 other\n";
static const struct option options[] = {{"method", 1, 0, 'm'},  {"script", 1, 0, 's'},
                                        {"type", 1, 0, 't'},    {"var", 1, 0, 'v'},
                                        {"content", 1, 0, 'c'}, {"connect-timeout", 1, 0, 'C'},
                                        {"timeout", 1, 0, 'T'}, {"headers", 0, 0, 'H'},
                                        {"help", 0, 0, 'h'},    {0, 0, 0, 0}};
static char content[64 << 20];

/* Ends the program if `rc` is an error. */
static void must(int rc, const char *what)
{
  if (rc < 0 && fprintf(stderr, "fcgiget: %s\n", what) > 0)
    exit(rc == FCGIP_EINVAL ? 2 : rc / 100 == -2 ? 3 : rc == FCGIP_ETIMEDOUT ? 4 : 5);
}

/* Where PATH begins; NULL if nowhere. */
static char *find_path(char *address)
{
  char *file = strchr(address, '/'), *p, *found = NULL;
  struct stat st;

  if (address[0] != '/' && strncmp(address, "unix:", 5) != 0)
    return strchr(strncmp(address, "tcp://", 6) == 0 ? address + 6 : address, '/');
  for (p = file; p != NULL; *p = '/', p = strchr(p + 1, '/'))
    if ((*p = '\0', stat(file, &st)) == 0 && S_ISSOCK(st.st_mode))
      found = p;
  return found;
}

/* Control characters from a server must not reach a terminal; a file or pipe gets what was sent. */
static void show(FILE *to, const char *text, size_t len)
{
  for (int raw = !isatty(fileno(to)); len > 0; text++, len--)
    raw || *text == '\n' || (*text >= ' ' && *text < 0x7f) ? putc(*text, to)
                                                           : fprintf(to, "\\x%02x", *text & 0xff);
}

int main(int argc, char **argv)
{
  fcgip_endpoint_options limits = {.struct_size = sizeof(limits)};
  static fcgip_endpoint *server; /* static: all of it ends with the program */
  static fcgip_collection *servers;
  static fcgip_request *request;
  static fcgip_response *response;
  static fcgip_proxy *proxy;
  const char *set[128] = {['c'] = "/dev/null", ['C'] = "0", ['T'] = "0"}, *text;
  char *path, rest;
  size_t len;
  int c, rc;

  must(fcgip_request_new(&request, "GET", ""), "no memory");
  while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
    set[c] = optarg != NULL ? optarg : "";
    len = strcspn(set[c], "=");
    if (c == 'v')
      must(fcgip_request_set_custom_var_n(request, optarg, len, optarg + len + 1, strlen(optarg + len)...
  }
  if (set['h'] != NULL)
    return fputs(help, stdout) < 0 ? 5 : 0;
  path = optind + 1 == argc ? find_path(argv[optind]) : NULL;
  must(set['?'] == NULL && path != NULL ? FCGIP_OK : FCGIP_EINVAL, help);
  must(fcgip_request_new(&request, set['m'], ""), set['m']);
  must(fcgip_request_set_request_uri(request, path), path);
  path[strcspn(path, "?")] = '\0';
  must(fcgip_request_set_custom_var(request, "SCRIPT_NAME", path), path);
  must(fcgip_request_set_script_filename(request, set['s'] != NULL ? set['s'] : path), path);
  must(set['t'] != NULL ? fcgip_request_set_content_type(request, set['t']) : 0, set['t']);
  must(strcmp(set['c'], "-") == 0 || freopen(set['c'], "rb", stdin) != NULL ? FCGIP_OK
                                                                            : FCGIP_EFILE,
       set['c']);
  len = fread(content, 1, sizeof(content), stdin);
  must(feof(stdin) ? fcgip_request_set_content_ref(request, content, len, NULL, NULL) : FCGIP_EFILE,
       set['c']);
  must(sscanf(set['C'], "%9u%c", &limits.connect_timeout_ms, &rest) == 1 ? FCGIP_OK : FCGIP_EINVAL,
       set['C']);
  must(sscanf(set['T'], "%9u%c", &limits.request_timeout_ms, &rest) == 1 ? FCGIP_OK : FCGIP_EINVAL,
       set['T']);
  limits.read_write_timeout_ms = limits.request_timeout_ms != 0 ? UINT32_MAX : 0;
  *path = '\0';
  must(fcgip_endpoint_parse(&server, argv[optind], &limits), argv[optind]);
  must(fcgip_round_robin_new(&servers, (const fcgip_endpoint *const *)&server, 1), "no memory");
  must(fcgip_proxy_new(&proxy, servers, NULL), "no memory");
  rc = fcgip_proxy_send_request(proxy, request, &response);
  text = set['H'] != NULL ? fcgip_response_output(response, &len)
                          : fcgip_response_body(response, &len);
  show(stdout, text, len);
  text = fcgip_response_stderr(response, &len);
  show(stderr, text, len);
  must(rc, fcgip_response_error_text(response));
  must(fflush(stdout) == 0 ? FCGIP_OK : FCGIP_EFILE, "stdout");
  return fcgip_response_status(response) >= 400;
}

/* One request from the command line: `fcgiget --help` says how. */
#define _XOPEN_SOURCE 700 /* getopt, stat */
#include <fcgiproxy/fcgiproxy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: fcgiget [OPTION]... ADDRESS/PATH[?QUERY]\n\n"
    "ADDRESS: 127.0.0.1:9000, tcp://host:9000, [::1]:9000, unix:///run/php-fpm.sock (of the last,\n"
    "the longest beginning that is a socket is taken). Options, and their defaults:\n\n"
    "  -X METHOD (GET)      -d FILE (content, - is stdin; below 64 MiB)   -t TYPE (content type)\n"
    "  -s SCRIPT (PATH)     -v NAME=VALUE (can be repeated)               -i (show headers, too)\n"
    "  -c MS (5000; until connected)    -m MS (30000; until the end)      --help\n\n"
    "Exit: 0 HTTP below 400, 1 HTTP from 400, 2 usage, 3 no connection, 4 timeout, 5 other\n";

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
    found = (*p = '\0', stat(file, &st)) == 0 && S_ISSOCK(st.st_mode) ? p : found;
  must(found != NULL ? 0 : FCGIP_ECONNECT, "no part of ADDRESS before a / is a socket");
  return found;
}

/* A terminal would obey control characters that a server sends. */
static void show(FILE *to, const char *text, size_t len, int raw)
{
  for (; len > 0; text++, len--)
    raw || *text == '\n' || (*text == '\r' && text[1] == '\n') || (*text >= ' ' && *text < 0x7f)
        ? putc(*text, to)
        : fprintf(to, "\\x%02x", *text & 0xff);
}

int main(int argc, char **argv)
{
  static fcgip_endpoint_options limits = {.struct_size = sizeof(limits),
                                          .read_write_timeout_ms = UINT32_MAX};
  const char *v[128] = {['X'] = "GET", ['d'] = "/dev/null", ['c'] = "5000", ['m'] = "30000"}, *text;
  static char content[64 << 20], rest, *path;
  static fcgip_endpoint *server; /* nothing is freed: it ends with the program */
  static fcgip_collection *servers;
  static fcgip_request *request;
  static fcgip_response *response;
  static fcgip_proxy *proxy;
  size_t len;
  int c, rc;

  if (argc == 2 && strcmp(argv[1], "--help") == 0)
    return fputs(help, stdout) < 0 ? 5 : 0;
  must(fcgip_request_new(&request, "GET", ""), "no memory");
  while ((c = getopt(argc, argv, "X:d:t:s:v:c:m:i")) != -1)
    if (c != 'v')
      v[c] = optarg != NULL ? optarg : "";
    else if ((path = strchr(optarg, '=')) == NULL ||
             (*path = '\0', fcgip_request_set_custom_var(request, optarg, path + 1)) < 0)
      must(FCGIP_EINVAL, "-v: no NAME=VALUE, or refused");
  path = optind + 1 == argc ? find_path(argv[optind]) : NULL;
  must(v['?'] == NULL && path != NULL ? 0 : FCGIP_EINVAL, help);
  must(fcgip_request_set_custom_var(request, "REQUEST_METHOD", v['X']), "-X: refused");
  must(fcgip_request_set_request_uri(request, path), "PATH: refused");
  path[strcspn(path, "?")] = '\0';
  must(fcgip_request_set_custom_var(request, "SCRIPT_NAME", path), "PATH: refused");
  must(fcgip_request_set_script_filename(request, v['s'] != NULL ? v['s'] : path), "-s");
  must(v['t'] != NULL ? fcgip_request_set_content_type(request, v['t']) : 0, "-t: refused");
  must(strcmp(v['d'], "-") == 0 || freopen(v['d'], "rb", stdin) ? 0 : FCGIP_EFILE, "no file");
  len = fread(content, 1, sizeof(content), stdin);
  must(feof(stdin) ? 0 : FCGIP_EFILE, "-d: it cannot be read, or is 64 MiB or more");
  must(fcgip_request_set_content_ref(request, content, len, NULL, NULL), "no memory");
  must(sscanf(v['c'], "%9u%c", &limits.connect_timeout_ms, &rest) == 1 ? 0 : FCGIP_EINVAL, "-c");
  must(sscanf(v['m'], "%9u%c", &limits.request_timeout_ms, &rest) == 1 ? 0 : FCGIP_EINVAL, "-m");
  must(*v['c'] >= '0' && *v['m'] >= '0' ? 0 : FCGIP_EINVAL, "-c, -m: no number");
  *path = '\0';
  must(fcgip_endpoint_parse(&server, argv[optind], &limits), "ADDRESS: no HOST:PORT and no socket");
  must(fcgip_round_robin_new(&servers, (const fcgip_endpoint *const *)&server, 1), "no memory");
  must(fcgip_proxy_new(&proxy, servers, NULL), "no memory");
  rc = fcgip_proxy_send_request(proxy, request, &response);
  text = (v['i'] != NULL ? fcgip_response_output : fcgip_response_body)(response, &len);
  show(stdout, text, len, v['i'] == NULL && !isatty(1));
  text = fcgip_response_stderr(response, &len);
  show(stderr, text, len, 0);
  must(len > 0 && fputc('\n', stderr) == EOF ? FCGIP_EFILE : 0, "stderr");
  must(rc, fcgip_response_error_text(response));
  return fflush(stdout) != 0 || ferror(stdout) ? 5 : fcgip_response_status(response) >= 400;
}

/* One request from the command line: `fcgiget --help` says how. */
#define _XOPEN_SOURCE 700 /* stat, fileno, isatty */
#include <fcgiproxy/fcgiproxy.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: fcgiget [OPTION]... ADDRESS/PATH[?QUERY]\n"
    "  ADDRESS is 127.0.0.1:9000, [::1]:9000, tcp://name:9000, unix:///run/php-fpm.sock; the "
    "longest\n"
    "  beginning of the latter that is a socket now is the socket, and PATH is what follows it\n"
    "  --method METHOD        GET; POST if there is content\n"
    "  --content FILE         to send; - is stdin\n"
    "  --type TYPE            of the content: application/x-www-form-urlencoded\n"
    "  --script FILE          SCRIPT_FILENAME, a path on the server: PATH\n"
    "  --var NAME=VALUE       a variable more, or instead of a default; as often as wanted\n"
    "  --connect-timeout MS   5000\n"
    "  --timeout MS           for all of it: none, but 5000 without a byte\n"
    "  --headers              show the headers of the response, too\n"
    "exit status: 0 HTTP status < 400, 1 others, 2 usage, 3 no connection, 4 timeout, 5 other "
    "failures\n";
static const char letters[] = "m:c:t:s:v:C:T:Hh";
static const struct option options[] = {
    {"method", 1, NULL, 'm'},  {"content", 1, NULL, 'c'},
    {"type", 1, NULL, 't'},    {"script", 1, NULL, 's'},
    {"var", 1, NULL, 'v'},     {"connect-timeout", 1, NULL, 'C'},
    {"timeout", 1, NULL, 'T'}, {"headers", 0, NULL, 'H'},
    {"help", 0, NULL, 'h'},    {0}};

/* Where PATH begins in the address, NULL if nowhere. */
static char *find_path(char *address)
{
  char *file = strncmp(address, "unix:", 5) == 0 ? address + 5 : address, *p, *found = NULL;
  struct stat st;

  file += file != address && strncmp(file, "//", 2) == 0 ? 2 : 0;
  if (file == address && *file != '/')
    return strchr(strncmp(address, "tcp://", 6) == 0 ? address + 6 : address, '/');
  for (p = strchr(file + 1, '/'); p != NULL; *p = '/', p = strchr(p + 1, '/')) {
    *p = '\0';
    if (stat(file, &st) == 0 && S_ISSOCK(st.st_mode))
      found = p;
  }
  return found;
}

static char *read_all(FILE *in, size_t *len)
{
  char *bytes = NULL, *larger;
  size_t n = 1;

  for (*len = 0; n > 0 && in != NULL && (larger = realloc(bytes, *len + 65536)) != NULL; *len += n)
    n = fread((bytes = larger) + *len, 1, 65536, in);
  if (n == 0 && !ferror(in))
    return bytes;
  free(bytes);
  return NULL;
}

/* Bytes of the server: a terminal would obey control characters, a file takes what it gets. */
static void show(FILE *to, const char *bytes, size_t len, int raw)
{
  if (raw)
    fwrite(bytes, 1, len, to);
  for (; !raw && len > 0; bytes++, len--)
    fprintf(to,
            strchr("\n\t", *bytes) != NULL || (*bytes >= ' ' && *bytes < 0x7f) ? "%c" : "\\x%02x",
            *bytes & 0xff);
}

/* Runs a command beside FastCGI servers that answer everything alike: with_pages FOLDER COMMAND [ARGUMENT]...
 *
 * Each file in FOLDER is the answer of a server, with header block, byte for byte. The command finds the address of
 * the server for "name" in PAGE_NAME ("tcp://127.0.0.1:40123"). These names do otherwise:
 *   hang...   says nothing, and keeps the connection
 *   cut...    closes in the middle, without END_REQUEST
 *   stderr... sends the file as STDERR, then an empty page
 * The exit status is that of the command. */
#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "integration/chaos_server.h"

enum { PAGES_MOST = 64 };

typedef struct page {
  bad_server server; /* first: it is what serve functions are told */
  char *text;
  size_t len;
} page;

static page pages[PAGES_MOST];
static size_t page_count;

static void send_page(int fd, int type, const page *answer)
{
  size_t at, n;

  for (at = 0; at < answer->len; at += n) {
    n = answer->len - at < BAD_RECORD_MAX ? answer->len - at : BAD_RECORD_MAX;
    if (bad_send_record(fd, type, answer->text + at, n) != 0)
      return;
  }
}

static void serve_page(bad_server *server, int fd)
{
  if (bad_read_request(server, fd) != 0)
    return;
  send_page(fd, BAD_STDOUT, (const page *)server);
  bad_send_end(fd);
}

static void serve_cut(bad_server *server, int fd)
{
  if (bad_read_request(server, fd) == 0)
    send_page(fd, BAD_STDOUT, (const page *)server);
}

static void serve_stderr(bad_server *server, int fd)
{
  if (bad_read_request(server, fd) != 0)
    return;
  send_page(fd, BAD_STDERR, (const page *)server);
  bad_send_text(fd, BAD_STDOUT, "Content-Type: text/plain\r\n\r\n");
  bad_send_end(fd);
}

static bad_serve_fn serve_of(const char *name)
{
  return strncmp(name, "hang", 4) == 0     ? bad_wait_for_hangup
         : strncmp(name, "cut", 3) == 0    ? serve_cut
         : strncmp(name, "stderr", 6) == 0 ? serve_stderr
                                           : serve_page;
}

/* 0, or -1. */
static int read_file(const char *folder, const char *name, page *out)
{
  char path[4096];
  long len;
  FILE *file;

  snprintf(path, sizeof(path), "%s/%s", folder, name);
  file = fopen(path, "rbe");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) < 0)
    return -1;
  rewind(file);
  out->len = (size_t)len;
  out->text = malloc(out->len + 1);
  if (out->text == NULL || fread(out->text, 1, out->len, file) != out->len)
    return -1;
  fclose(file);
  return 0;
}

static int start(const char *folder, const char *name)
{
  page *made = &pages[page_count];
  char variable[128] = "PAGE_";
  size_t at = strlen(variable);

  if (page_count == PAGES_MOST || bad_start(&made->server, 1, NULL) != 0 ||
      read_file(folder, name, made) != 0)
    return -1;
  /* Not before the page is there. */
  made->server.serve = serve_of(name);
  if (pthread_create(&made->server.thread, NULL, bad_run, &made->server) != 0)
    return -1;
  page_count++;
  for (; *name != '\0' && at + 1 < sizeof(variable); name++)
    variable[at++] = (char)toupper((unsigned char)*name);
  variable[at] = '\0';
  return setenv(variable, made->server.address, 1);
}

static int start_all(const char *folder)
{
  DIR *open = opendir(folder);
  const struct dirent *entry;
  int rc = open != NULL ? 0 : -1;

  while (rc == 0 && (entry = readdir(open)) != NULL)
    if (entry->d_name[0] != '.')
      rc = start(folder, entry->d_name);
  if (open != NULL)
    closedir(open);
  return rc;
}

static int run(char **command)
{
  pid_t parent = getpid(), pid = fork();
  int status;

  if (pid == 0) {
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
      execvp(command[0], command);
    _exit(127);
  }
  if (pid < 0)
    return 126;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return 126;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
  int status;
  size_t i;

  if (argc < 3) {
    fprintf(stderr, "usage: with_pages FOLDER COMMAND [ARGUMENT]...\n");
    return 2;
  }
  if (start_all(argv[1]) != 0) {
    fprintf(stderr, "with_pages: %s: %s\n", argv[1], strerror(errno));
    return 126;
  }
  status = run(argv + 2);
  for (i = 0; i < page_count; i++) {
    bad_stop(&pages[i].server);
    free(pages[i].text);
  }
  return status;
}

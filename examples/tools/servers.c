#include "servers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tool.h"

enum { FILE_MOST = 16 << 20 };

static int is_known(const servers *all, const fcgip_endpoint *end)
{
  size_t i;

  for (i = 0; i < all->count; i++)
    if (strcmp(fcgip_endpoint_address(all->ends[i]), fcgip_endpoint_address(end)) == 0)
      return 1;
  return 0;
}

static int make_room(servers *all)
{
  size_t cap = all->cap == 0 ? 64 : all->cap * 2;
  fcgip_endpoint **ends;

  if (all->count < all->cap)
    return FCGIP_OK;
  ends = realloc(all->ends, cap * sizeof(*ends));
  if (ends == NULL)
    return FCGIP_ENOMEM;
  all->ends = ends;
  all->cap = cap;
  return FCGIP_OK;
}

int servers_add(servers *all, const char *address)
{
  fcgip_endpoint *end = NULL;
  int rc = make_room(all);

  if (rc == FCGIP_OK)
    rc = fcgip_endpoint_parse(&end, address, &all->options);
  if (rc < 0)
    tool_complain(address, rc == FCGIP_EINVAL ? "no address of a server" : fcgip_strerror(rc));
  else if (is_known(all, end))
    fcgip_endpoint_free(end);
  else
    all->ends[all->count++] = end;
  return rc;
}

/* The line's address, without what is around it; "" if there is none. */
static char *trim(char *line)
{
  size_t len;

  line += strspn(line, " \t\r");
  len = strcspn(line, "#");
  while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
    len--;
  line[len] = '\0';
  return line;
}

static int read_file(servers *all, const char *path)
{
  size_t len = 0;
  char *text = tool_read_file(path, FILE_MOST, &len), *line, *end;
  int rc = FCGIP_OK;

  if (text == NULL)
    return FCGIP_EFILE;
  if (strlen(text) != len) {
    tool_complain(path, "no text, it has NUL bytes");
    rc = FCGIP_EINVAL;
  }
  for (line = text; line != NULL && rc == FCGIP_OK; line = end) {
    end = strchr(line, '\n');
    if (end != NULL)
      *end++ = '\0';
    line = trim(line);
    if (*line != '\0')
      rc = servers_add(all, line);
  }
  free(text);
  return rc;
}

int servers_add_file(servers *all, const char *path)
{
  if (all->file_count == SERVERS_FILES_MOST) {
    tool_complain(path, "too many files with addresses");
    return FCGIP_EINVAL;
  }
  all->files[all->file_count++] = path;
  return FCGIP_OK;
}

int servers_add_all(servers *all, char *const *addresses)
{
  int rc = FCGIP_OK;
  size_t i;

  for (i = 0; i < all->file_count && rc == FCGIP_OK; i++)
    rc = read_file(all, all->files[i]);
  for (; *addresses != NULL && rc == FCGIP_OK; addresses++)
    rc = servers_add(all, *addresses);
  if (rc == FCGIP_OK && all->file_count > 0 && all->count == 0) {
    tool_complain(all->files[0], "no address in it");
    rc = FCGIP_EINVAL;
  }
  return rc;
}

/* One descriptor a server: as many as the system lets us have. */
static void allow_descriptors(void)
{
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int servers_open(servers *all)
{
  int rc = all->count > 0 ? FCGIP_OK : servers_add(all, "127.0.0.1:9000");

  if (rc < 0)
    return rc;
  allow_descriptors();
  rc = fcgip_cluster_new(&all->collection, (const fcgip_endpoint *const *)all->ends, all->count);
  if (rc == FCGIP_OK)
    rc = fcgip_cluster_proxy_new(&all->cluster, all->collection, NULL);
  if (rc < 0)
    tool_complain(fcgip_strerror(rc), NULL);
  return rc;
}

static size_t index_of(const servers *all, const fcgip_response *response)
{
  const char *address = fcgip_endpoint_address(fcgip_response_endpoint(response));
  size_t i;

  for (i = 0; i + 1 < all->count; i++)
    if (strcmp(fcgip_endpoint_address(all->ends[i]), address) == 0)
      break;
  return i;
}

int servers_ask(servers *all, const fcgip_request *request, servers_got_fn got, void *data)
{
  int rc = fcgip_cluster_proxy_send_async_request(all->cluster, request);
  fcgip_response *response;

  while (rc >= 0) {
    rc = fcgip_cluster_proxy_next_response(all->cluster, -1, &response);
    if (rc <= 0)
      break;
    got(response, index_of(all, response), data);
    fcgip_response_free(response);
  }
  if (rc < 0)
    tool_complain(fcgip_strerror(rc), NULL);
  return rc;
}

void servers_free(servers *all)
{
  fcgip_cluster_proxy_free(all->cluster);
  fcgip_collection_free(all->collection);
  while (all->count > 0)
    fcgip_endpoint_free(all->ends[--all->count]);
  free(all->ends);
}

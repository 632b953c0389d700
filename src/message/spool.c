#include "message/spool.h"

#include "base/buffer.h"
#include "base/descriptor.h"
#include "fcgiproxy/error.h"

#define PIECE_LEN 16384u

typedef struct fcgip__spool {
  fcgip__buffer memory;
  int fd; /* -1 until the memory limit is reached */
  uint64_t len;
  uint8_t piece[PIECE_LEN];
} fcgip__spool;

void fcgip__spool_discard(fcgip_request *request)
{
  fcgip__spool *spool = request->spool;

  if (spool == NULL)
    return;
  request->spool = NULL;
  fcgip__buffer_deinit(&spool->memory);
  fcgip__descriptor_close(spool->fd);
  fcgip__mem_free(&request->mem, spool);
}

static fcgip__spool *spool_of(fcgip_request *request, size_t memory_limit)
{
  fcgip__spool *spool = request->spool;

  if (spool != NULL)
    return spool;
  spool = fcgip__mem_alloc(&request->mem, sizeof(*spool));
  if (spool == NULL)
    return NULL;
  fcgip__buffer_init(&spool->memory, &request->mem, memory_limit);
  spool->fd = -1;
  spool->len = 0;
  request->spool = spool;
  return spool;
}

/* What is in memory goes to a file, and the memory back. */
static int move_to_file(fcgip__spool *spool, const char *directory)
{
  int rc;

  if (directory == NULL)
    return FCGIP_ETOOLARGE;
  rc = fcgip__descriptor_temporary(directory, &spool->fd);
  if (rc == FCGIP_OK)
    rc = fcgip__descriptor_append(spool->fd, spool->memory.data, spool->memory.len);
  fcgip__buffer_deinit(&spool->memory);
  return rc;
}

static int keep(fcgip__spool *spool, size_t n, const char *directory)
{
  if (spool->fd < 0) {
    int rc = fcgip__buffer_add(&spool->memory, spool->piece, n);

    if (rc != FCGIP_ETOOLARGE)
      return rc;
    rc = move_to_file(spool, directory);
    if (rc < 0)
      return rc;
  }
  return fcgip__descriptor_append(spool->fd, spool->piece, n);
}

/* The spool becomes the content. */
static int settle(fcgip_request *request, fcgip__spool *spool)
{
  fcgip__content *content;

  if (spool->fd >= 0) {
    content = fcgip__content_file(&request->mem, spool->fd, 0, spool->len);
    spool->fd = -1;
  } else {
    size_t len;
    uint8_t *block = fcgip__buffer_detach(&spool->memory, &len);

    content = fcgip__content_adopt(&request->mem, block, len);
  }
  if (content == NULL)
    return FCGIP_ENOMEM;
  fcgip__request_replace_content(request, content);
  return FCGIP_OK;
}

/* 1 at the end of the source, FCGIP_OK for more. */
static int read_piece(fcgip__spool *spool, fcgip_content_fn fn, void *user_data,
                      const char *directory)
{
  size_t n = 0;
  int rc = fn(spool->len, spool->piece, sizeof(spool->piece), &n, user_data);

  if (rc < 0)
    return rc == FCGIP_EAGAIN ? rc : FCGIP_ECANCELED;
  if (n > sizeof(spool->piece))
    return FCGIP_EINVAL;
  if (n == 0)
    return 1;
  rc = keep(spool, n, directory);
  if (rc == FCGIP_OK)
    spool->len += n;
  return rc;
}

int fcgip_request_spool_content(fcgip_request *request, fcgip_content_fn fn, void *user_data,
                                size_t memory_limit, const char *directory)
{
  fcgip__spool *spool;
  int rc;

  if (request == NULL || fn == NULL)
    return FCGIP_EINVAL;
  spool = spool_of(request, memory_limit);
  if (spool == NULL)
    return FCGIP_ENOMEM;
  do {
    rc = read_piece(spool, fn, user_data, directory);
  } while (rc == FCGIP_OK);
  if (rc == 1)
    rc = settle(request, spool);
  if (rc < 0 && rc != FCGIP_EAGAIN)
    fcgip__spool_discard(request);
  return rc;
}

/* Regular files by descriptor: read at an offset, so that many can read the same one; and unlinked temporary files.
 * With file.c the only place beside src/net that sees errno. */
#ifndef FCGIP_BASE_DESCRIPTOR_H
#define FCGIP_BASE_DESCRIPTOR_H

#include <stddef.h>
#include <stdint.h>

/* A close-on-exec copy of a regular file's descriptor, and the file's size. FCGIP_OK; FCGIP_EFILE: another kind of
 * file, or no descriptor left. */
int fcgip__descriptor_copy(int fd, int *copy, uint64_t *size);

/* Reads at most `cap` bytes at `offset`; *n is 0 at the end of the file. FCGIP_OK; FCGIP_EFILE. */
int fcgip__descriptor_read_at(int fd, uint64_t offset, void *buffer, size_t cap, size_t *n);

/* A new file in `directory` that has no name any more. FCGIP_OK; FCGIP_EINVAL: the path is too long; FCGIP_EFILE. */
int fcgip__descriptor_temporary(const char *directory, int *fd);

/* Writes all of it at the end. FCGIP_OK; FCGIP_EFILE. */
int fcgip__descriptor_append(int fd, const void *data, size_t len);

void fcgip__descriptor_close(int fd);

#endif

/* Files to upload. The one place beside src/net that does I/O and sees errno. */
#ifndef FCGIP_BASE_FILE_H
#define FCGIP_BASE_FILE_H

#include "base/buffer.h"

/* Adds the bytes of the file at `path`, read to its end, behind what is in the buffer. Pipes and
 * devices will do, as long as they end. Blocks as long as opening and reading do.
 * FCGIP_OK; FCGIP_EFILE: it cannot be opened or read, a directory; FCGIP_ETOOLARGE: over the
 * buffer's limit; FCGIP_ENOMEM. The buffer holds what it held before if it fails. */
int fcgip__file_read(fcgip__buffer *out, const char *path);

#endif

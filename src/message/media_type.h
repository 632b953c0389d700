/* Content types of uploads, by the ending of the file name. */
#ifndef FCGIP_MESSAGE_MEDIA_TYPE_H
#define FCGIP_MESSAGE_MEDIA_TYPE_H

/* Constant text: "image/png" for "photo.PNG", "application/octet-stream" for an ending that is not
 * known, and for none. */
const char *fcgip__media_type(const char *filename);

#endif

/* What the simulation wants to know of the engine, beyond what its interface says. */
#ifndef SIM_INSIDE_H
#define SIM_INSIDE_H

#include "sim.h"

enum sim_fate { SIM_UNKNOWN, SIM_PENDING, SIM_DONE };

enum sim_fate sim_inside_fate(const sim_user *user, fcgip_request_id id);
/* The server that a pending request is at. */
size_t sim_inside_site(const sim_user *user, fcgip_request_id id);
/* 1 while requests are held back, as the server's backlog is full. */
int sim_inside_holds_back(const sim_user *user, size_t site);

#endif

/* libtraceevent, which the tests hold the parser of event formats against. */
#include <event-parse.h>

// Not compiled: a folder that is no room.
#include <vector>

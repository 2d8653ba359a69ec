#pragma once

#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::run {

/// `ritz mesh info FILE`: prints what is in the mesh. Collective. Throws Error(mesh).
int report_mesh(const comm::Communicator& communicator, const std::string& file);

}  // namespace ritz::run

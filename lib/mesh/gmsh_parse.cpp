#include "gmsh_parse.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"

namespace ritz::mesh::gmsh {

namespace {

constexpr std::array<const char*, 4> entity_words{"point", "curve", "surface", "volume"};

/// Coordinates beyond this are no geometry, and their cubes would overflow.
constexpr double largest_coordinate = 1e100;

/// More distinct groups of elements than any real mesh has; bounds the memory of rank 0.
constexpr std::size_t most_groups = 1000000;

/// By its bits: comparing a signalling NaN would raise a floating-point exception.
bool is_finite(double x) {
  constexpr std::uint64_t exponent = 0x7ff0000000000000ULL;
  return (std::bit_cast<std::uint64_t>(x) & exponent) != exponent;
}

constexpr const char* how_to_convert =
    "convert it with `gmsh FILE -save -format msh41 -o NEW.msh` (or msh22)";

/// One reading of one file. Text is read by lines: each record of the format stands on its own
/// line, as Gmsh writes it, so that a missing or surplus number is found where it is.
class Parser {
 public:
  Parser(File& file, Sink* sink) : file_(file), sink_(sink) {}

  Contents run() {
    mesh_format();
    while (file_.next_line()) section();
    if (!contents_.has_nodes) {
      file_.fail("no $Nodes section: the file is truncated or is not a mesh");
    }
    if (!contents_.has_elements) {
      file_.fail("no $Elements section: the file is truncated or is not a mesh");
    }
    return std::move(contents_);
  }

 private:
  void mesh_format();
  void section();
  void end_section();
  void skip_section();
  void physical_names();
  void entities();
  void partitioned_entities();
  void entity(int dimension, bool partitioned);
  /// Physical groups that come after the elements would be lost on them.
  void before_elements() const {
    if (!contents_.has_elements) return;
    file_.fail(fmt::format("${} comes after $Elements; it must come before", file_.section()));
  }
  void nodes_22();
  void nodes_41();
  void elements_22();
  void elements_22_text(std::int64_t n);
  void elements_22_binary(std::int64_t n);
  void elements_41();

  // Numbers of small sections, from the current line or from the binary stream.
  void record() {
    if (file_.binary()) return;
    file_.need_line();
    words_.emplace(file_);
  }
  void end_record(const char* what) {
    if (!file_.binary()) words_->end(what);
  }
  int get_int(const char* what) {
    return file_.binary() ? file_.number<std::int32_t>() : words_->integer<int>(what);
  }
  std::uint64_t get_size(const char* what) {
    return file_.binary() ? file_.number<std::uint64_t>() : words_->integer<std::uint64_t>(what);
  }
  double get_real(const char* what) {
    return file_.binary() ? file_.number<double>() : words_->real(what);
  }
  /// Places of records in the current encoding: a text record is placed at its line.
  std::int64_t place() const { return file_.place(); }

  std::int64_t tag(std::int64_t value, const char* what) const {
    if (value <= 0) file_.fail(fmt::format("{} is {}; tags count from 1", what, value));
    return value;
  }
  std::int64_t tag(std::uint64_t value, const char* what) const {
    if (value > std::uint64_t{1} << 62) file_.fail(fmt::format("{} is {}: absurd", what, value));
    return tag(static_cast<std::int64_t>(value), what);
  }
  void check_coordinates(const double* xyz, std::int64_t where) const {
    for (int i = 0; i < 3; ++i) {
      if (is_finite(xyz[i]) && std::abs(xyz[i]) <= largest_coordinate) continue;
      file_.fail_at(where,
                    fmt::format("a node's {} coordinate is {}: {}", "xyz"[i], xyz[i],
                                is_finite(xyz[i]) ? "absurdly large" : "not a finite number"));
    }
  }
  const ElementType& type_of(std::int64_t number) const {
    const ElementType* type = element_type(number);
    if (type == nullptr) {
      file_.fail(
          fmt::format("element type {} is unknown; Ritz reads point, line, tri, quad, tet and "
                      "hex elements of orders 1 and 2",
                      number));
    }
    return *type;
  }
  void count_elements(const ElementType& type, std::int64_t n, std::int64_t first) {
    auto& count = contents_.types[type.number];
    if (count.n == 0) count.first = first;
    count.n += n;
  }
  int group_of(int dimension, int key, std::int64_t where);
  int new_group(int dimension, std::vector<int> physical, std::int64_t where);
  /// The length of a list in the current record; in a text file the end of the line is its limit.
  std::int64_t list_count(std::uint64_t n, const char* items) const {
    if (file_.binary()) return file_.checked_count(n, 4, items);
    return static_cast<std::int64_t>(std::min<std::uint64_t>(n, std::uint64_t{1} << 62));
  }
  std::int64_t section_count(const char* items, std::int64_t bytes_each);
  void once(bool& seen) {
    if (seen) file_.fail(fmt::format("a second ${} section; a mesh has one", file_.section()));
    seen = true;
  }

  File& file_;
  Sink* sink_;
  Contents contents_;
  std::optional<Words> words_;
  bool has_entities_ = false;
  std::map<std::pair<int, int>, std::vector<int>> entities_;  // physical tags by dimension and tag
  std::map<std::pair<int, int>, int> group_index_;
  std::pair<int, int> last_key_{-1, 0};
  int last_group_ = -1;
};

void Parser::mesh_format() {
  const auto foreign = [&](std::string_view line) {
    std::string hint;
    if (line.starts_with("\x89HDF")) hint = " (an HDF5 file: CGNS, MED or Exodus?)";
    if (line.starts_with("CDF")) hint = " (a netCDF file: Exodus?)";
    if (line.starts_with("# vtk") || line.starts_with("<VTKFile")) hint = " (a VTK file)";
    if (line.starts_with("SetFactory") || line.starts_with("//")) {
      hint = " (a .geo script: run `gmsh -3 FILE.geo` first)";
    }
    file_.fail(fmt::format("not a Gmsh mesh: it should begin with $MeshFormat, found {}{}; {}",
                           quoted(line), hint,
                           "write the mesh with Gmsh, Mesh.MshFileVersion = 4.1"));
  };
  for (;;) {
    if (!file_.next_line()) {
      file_.fail("the file has no $MeshFormat section: not a Gmsh mesh, or truncated");
    }
    const std::string_view line = file_.line();
    if (line == "$NOD" || line == "$ELM") {
      file_.fail(fmt::format("MSH version 1 is not supported; {}", how_to_convert));
    }
    if (line == "$MeshFormat") break;
    if (line != "$Comments") foreign(line);
    file_.set_section("Comments");
    skip_section();
  }
  file_.set_section("MeshFormat");
  file_.need_line();
  Words words(file_);
  const std::string_view rest = words.rest();
  contents_.version = std::string(rest.substr(0, rest.find(' ')));
  const double version = words.real("the version of the format");
  const int mode = words.integer<int>("the file type (0 text, 1 binary)");
  const int data_size = words.integer<int>("the size of a number");
  words.end("the format");
  if (version != 2.2 && version != 4.1) {
    file_.fail(fmt::format("MSH version {} is not supported (2.2 and 4.1 are); {}",
                           contents_.version.substr(0, 20), how_to_convert));
  }
  contents_.version = version == 2.2 ? "2.2" : "4.1";
  if (mode != 0 && mode != 1) {
    file_.fail(fmt::format("the file type is {}; it is 0 for text and 1 for binary", mode));
  }
  if (data_size != 8) {
    file_.fail(fmt::format("numbers of {} bytes are not supported (8 are); {}", data_size,
                           how_to_convert));
  }
  if (mode == 1) {
    contents_.binary = true;
    file_.set_binary(false);
    const auto one = file_.number<std::int32_t>();
    if (one == 0x01000000) {
      file_.set_binary(true);
    } else if (one != 1) {
      file_.fail(
          fmt::format("the binary number 1 that shows the byte order reads as {}: the file is "
                      "damaged (copied as text?)",
                      one));
    }
  }
  end_section();
}

void Parser::section() {
  const std::string name(file_.line());
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.size() < 2 || name.size() > 100 || name[0] != '$' ||
      !std::all_of(name.begin() + 1, name.end(), is_name) || name.starts_with("$End")) {
    file_.fail(fmt::format("expected the beginning of a section ($Name) {}, found {}",
                           file_.section().empty() ? "here" : "after $End" + file_.section(),
                           quoted(name)));
  }
  file_.set_section(name.substr(1));
  const bool old = contents_.version == "2.2";
  if (name == "$PhysicalNames") {
    physical_names();
  } else if (name == "$Nodes") {
    once(contents_.has_nodes);
    old ? nodes_22() : nodes_41();
  } else if (name == "$Elements") {
    once(contents_.has_elements);
    old ? elements_22() : elements_41();
  } else if (name == "$Entities" && !old) {
    once(has_entities_);
    entities();
  } else if (name == "$PartitionedEntities" && !old) {
    partitioned_entities();
  } else if (name == "$ParametricNodes") {
    file_.fail("$ParametricNodes are not supported: set Mesh.SaveParametric = 0 in Gmsh");
  } else if (name == "$MeshFormat") {
    file_.fail("a second $MeshFormat section: were two files joined?");
  } else {
    skip_section();  // $Periodic, $NodeData, $GhostElements, ...: not part of the mesh
    return;
  }
  end_section();
}

void Parser::end_section() {
  file_.need_line();
  if (file_.line() != "$End" + file_.section()) {
    file_.fail(
        fmt::format("expected $End{0}, found {1}: section ${0} has more items than its count says, "
                    "or is damaged",
                    file_.section(), quoted(file_.line())));
  }
}

void Parser::skip_section() {
  const std::int64_t begin = place();
  if (!file_.skip_past("$End" + file_.section())) {
    file_.fail_at(
        begin, fmt::format("section ${0} has no $End{0}: the file is truncated", file_.section()));
  }
}

/// The count that opens a section.
std::int64_t Parser::section_count(const char* items, std::int64_t bytes_each) {
  file_.need_line();
  Words words(file_);
  const auto n = words.integer<std::uint64_t>(fmt::format("the number of {}", items).c_str());
  words.end(fmt::format("the number of {}", items).c_str());
  return file_.checked_count(n, bytes_each, items);
}

void Parser::physical_names() {
  // Text even in a binary file.
  const std::int64_t n = section_count("physical names", 7);
  for (std::int64_t i = 0; i < n; ++i) {
    file_.need_line();
    Words words(file_);
    const int dimension = words.integer<int>("the dimension of a physical group");
    const int number = words.integer<int>("the tag of a physical group");
    const std::string_view rest = words.rest();
    if (dimension < 0 || dimension > 3) {
      file_.fail(fmt::format("a physical group of dimension {}; it is 0, 1, 2 or 3", dimension));
    }
    if (rest.size() < 2 || rest.front() != '"' || rest.back() != '"') {
      file_.fail(fmt::format("the name of physical group {} should stand in quotes, found {}",
                             number, quoted(rest)));
    }
    const std::string name(rest.substr(1, rest.size() - 2));
    if (name.size() > 1000 || std::any_of(name.begin(), name.end(), [](char c) {
          return static_cast<unsigned char>(c) < ' ' || c == '"' || c == 127;
        })) {
      file_.fail(
          fmt::format("the name of physical group {} has control characters or quotes in it, "
                      "or is longer than 1000 bytes: {}",
                      number, quoted(name)));
    }
    const auto [known, added] =
        contents_.names.try_emplace({dimension, number}, Contents::PhysicalName{name, place()});
    if (!added && known->second.name != name) {
      file_.fail(fmt::format("physical group {} of dimension {} is named {} here and {} at {}",
                             number, dimension, quoted(name), quoted(known->second.name),
                             place_text(file_.binary(), known->second.place)));
    }
  }
}

/// One line of $Entities or $PartitionedEntities; only the physical tags are kept.
void Parser::entity(int dimension, bool partitioned) {
  record();
  const int number = get_int("the tag of an entity");
  bool inherits = true;
  if (partitioned) {
    const int parent_dimension = get_int("the dimension of the parent entity");
    (void)get_int("the tag of the parent entity");
    const std::int64_t parts = list_count(get_size("the number of partitions"), "partitions");
    for (std::int64_t i = 0; i < parts; ++i) (void)get_int("a partition");
    // Gmsh gives the curve between two parts of a surface the surface's physical tags, where they
    // would be taken for tags of curves.
    inherits = parent_dimension == dimension;
  }
  const int n_reals = dimension == 0 ? 3 : 6;
  for (int i = 0; i < n_reals; ++i) (void)get_real("a coordinate of an entity");
  const std::int64_t n_physical =
      list_count(get_size("the number of physical tags"), "physical tags");
  std::vector<int> physical;
  for (std::int64_t i = 0; i < n_physical; ++i) {
    const int one = get_int("a physical tag");
    // Negative: the group uses the entity with its orientation turned.
    if (one == 0 || one == std::numeric_limits<int>::min()) {
      file_.fail(fmt::format("physical tag {} of {} {}: tags count from 1", one,
                             entity_words[static_cast<std::size_t>(dimension)], number));
    }
    physical.push_back(std::abs(one));
  }
  if (dimension > 0) {
    const std::int64_t n_bounding =
        list_count(get_size("the number of bounding entities"), "bounding entities");
    for (std::int64_t i = 0; i < n_bounding; ++i) (void)get_int("a bounding entity");
  }
  end_record("the entity");
  std::sort(physical.begin(), physical.end());
  physical.erase(std::unique(physical.begin(), physical.end()), physical.end());
  if (!inherits) physical.clear();
  if (!entities_.try_emplace({dimension, number}, std::move(physical)).second) {
    file_.fail(fmt::format("{} {} is listed twice",
                           entity_words[static_cast<std::size_t>(dimension)], number));
  }
}

void Parser::entities() {
  before_elements();
  record();
  std::array<std::uint64_t, 4> n{};
  for (int d = 0; d < 4; ++d) n[static_cast<std::size_t>(d)] = get_size("a number of entities");
  end_record("the numbers of entities");
  for (int d = 0; d < 4; ++d) {
    const std::int64_t count =
        file_.checked_count(n[static_cast<std::size_t>(d)], d == 0 ? 10 : 16, "entities");
    for (std::int64_t i = 0; i < count; ++i) entity(d, false);
  }
}

void Parser::partitioned_entities() {
  before_elements();
  has_entities_ = true;
  record();
  (void)get_size("the number of partitions");
  end_record("the number of partitions");
  record();
  const auto n_ghosts =
      file_.checked_count(get_size("the number of ghost entities"), 4, "ghost entities");
  end_record("the number of ghost entities");
  for (std::int64_t i = 0; i < n_ghosts; ++i) {
    record();
    (void)get_int("the tag of a ghost entity");
    (void)get_int("the partition of a ghost entity");
    end_record("the ghost entity");
  }
  record();
  std::array<std::uint64_t, 4> n{};
  for (int d = 0; d < 4; ++d) n[static_cast<std::size_t>(d)] = get_size("a number of entities");
  end_record("the numbers of entities");
  for (int d = 0; d < 4; ++d) {
    const std::int64_t count =
        file_.checked_count(n[static_cast<std::size_t>(d)], d == 0 ? 16 : 22, "entities");
    for (std::int64_t i = 0; i < count; ++i) entity(d, true);
  }
}

void Parser::nodes_22() {
  const bool binary = file_.binary();
  const std::int64_t n = section_count("nodes", binary ? 28 : 8);
  contents_.n_nodes = n;
  if (sink_ == nullptr) {
    binary ? file_.skip_bytes(28 * n) : file_.skip_lines(n);
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    record();
    const std::int64_t where = place();
    const std::int64_t number =
        binary ? file_.number<std::int32_t>() : words_->integer<std::int64_t>("the tag of a node");
    double xyz[3];
    for (double& x : xyz) x = get_real("a coordinate");
    end_record("a node's three coordinates");
    sink_->node_tag(tag(number, "the tag of a node"), where);
    check_coordinates(xyz, where);
    sink_->node_coordinates(xyz);
  }
}

void Parser::nodes_41() {
  record();
  const std::int64_t section = place();
  const std::uint64_t n_blocks = get_size("the number of blocks");
  const std::int64_t n =
      file_.checked_count(get_size("the number of nodes"), file_.binary() ? 32 : 8, "nodes");
  (void)get_size("the lowest tag");
  (void)get_size("the highest tag");
  end_record("the head of $Nodes");
  file_.checked_count(n_blocks, file_.binary() ? 20 : 8, "blocks of nodes");
  contents_.n_nodes = n;

  std::int64_t seen = 0;
  for (std::uint64_t block = 0; block < n_blocks; ++block) {
    record();
    const std::int64_t head = place();
    const int dimension = get_int("the dimension of an entity");
    (void)get_int("the tag of an entity");
    const int parametric = get_int("the parametric flag");
    const std::uint64_t claimed = get_size("the number of nodes in the block");
    end_record("the head of a block of nodes");
    if (dimension < 0 || dimension > 3 || parametric < 0 || parametric > 1) {
      file_.fail_at(head,
                    fmt::format("a block of nodes has dimension {} and parametric flag {}: the "
                                "counts before it do not fit, or the file is damaged",
                                dimension, parametric));
    }
    if (claimed > static_cast<std::uint64_t>(n - seen)) {
      file_.fail_at(head,
                    fmt::format("this block of {} nodes makes more than the {} nodes that the "
                                "head of the section says",
                                claimed, n));
    }
    const auto in_block = static_cast<std::int64_t>(claimed);
    const int n_parameters = parametric == 1 ? dimension : 0;
    if (sink_ == nullptr) {
      if (file_.binary()) {
        file_.skip_bytes(in_block * (8 + 8 * (3 + n_parameters)));
      } else {
        file_.skip_lines(2 * in_block);
      }
      seen += in_block;
      continue;
    }
    for (std::int64_t i = 0; i < in_block; ++i) {
      record();
      const std::int64_t where = place();
      sink_->node_tag(tag(get_size("the tag of a node"), "the tag of a node"), where);
      end_record("the tag of a node");
    }
    for (std::int64_t i = 0; i < in_block; ++i) {
      record();
      const std::int64_t where = place();
      double xyz[3];
      for (double& x : xyz) x = get_real("a coordinate");
      for (int k = 0; k < n_parameters; ++k) (void)get_real("a parametric coordinate");
      end_record("a node's coordinates");
      check_coordinates(xyz, where);
      sink_->node_coordinates(xyz);
    }
    seen += in_block;
  }
  if (seen != n) {
    file_.fail_at(section,
                  fmt::format("the head of $Nodes says {} nodes, its blocks have {}", n, seen));
  }
}

int Parser::new_group(int dimension, std::vector<int> physical, std::int64_t where) {
  if (contents_.groups.size() >= most_groups) {
    file_.fail(fmt::format("more than {} different groups of elements: not a mesh Gmsh writes",
                           base::count_text(static_cast<std::int64_t>(most_groups))));
  }
  contents_.groups.push_back({dimension, std::move(physical), 0, where});
  return static_cast<int>(contents_.groups.size()) - 1;
}

/// The group of an element of this dimension; `key` is its entity (4.1) or physical tag (2.2).
int Parser::group_of(int dimension, int key, std::int64_t where) {
  const std::pair<int, int> pair{dimension, key};
  if (pair == last_key_) return last_group_;
  const auto known = group_index_.find(pair);
  if (known != group_index_.end()) {
    last_group_ = known->second;
  } else {
    std::vector<int> physical;
    if (contents_.version == "4.1") {
      // Entities may be left out altogether; then no element is in a physical group.
      const auto entity = entities_.find(pair);
      if (entity != entities_.end()) {
        physical = entity->second;
      } else if (has_entities_) {
        file_.fail_at(where, fmt::format("elements of {} {}, which $Entities does not list",
                                         entity_words[static_cast<std::size_t>(dimension)], key));
      }
    } else if (key != 0) {
      if (key == std::numeric_limits<int>::min()) file_.fail_at(where, "absurd physical tag");
      physical = {std::abs(key)};
    }
    last_group_ = new_group(dimension, std::move(physical), where);
    group_index_.emplace(pair, last_group_);
  }
  last_key_ = pair;
  return last_group_;
}

void Parser::elements_22() {
  const bool binary = file_.binary();
  const std::int64_t n = section_count("elements", 8);
  contents_.n_elements = n;
  binary ? elements_22_binary(n) : elements_22_text(n);
}

void Parser::elements_22_text(std::int64_t n) {
  std::vector<std::int64_t> nodes;
  for (std::int64_t i = 0; i < n; ++i) {
    file_.need_line();
    Words words(file_);
    const std::int64_t where = place();
    const std::int64_t number =
        tag(words.integer<std::int64_t>("the tag of an element"), "the tag of an element");
    const ElementType& type = type_of(words.integer<int>("the type of an element"));
    const int n_tags = words.integer<int>("the number of tags");
    if (n_tags < 0 || n_tags > 1000000) {
      file_.fail(
          fmt::format("an element with {} tags; a file of version 2.2 has 2 or more", n_tags));
    }
    int physical = 0;
    for (int k = 0; k < n_tags; ++k) {
      const int one = words.integer<int>("a tag of an element");
      if (k == 0) physical = one;
    }
    const int group = group_of(type.dimension, physical, where);
    contents_.groups[static_cast<std::size_t>(group)].n_elements += 1;
    count_elements(type, 1, where);
    if (sink_ == nullptr) continue;
    nodes.resize(static_cast<std::size_t>(type.n_nodes));
    for (std::int64_t& node : nodes) {
      node = tag(words.integer<std::int64_t>("a node of an element"), "a node of an element");
    }
    if (!words.at_end()) {
      words.end(fmt::format("the {} nodes of a {}", type.n_nodes, type.name).c_str());
    }
    sink_->element(type, number, group, where, nodes.data());
  }
}

void Parser::elements_22_binary(std::int64_t n) {
  std::vector<std::int64_t> nodes;
  for (std::int64_t seen = 0; seen < n;) {
    const std::int64_t head = place();
    const ElementType& type = type_of(file_.number<std::int32_t>());
    const auto in_block = file_.number<std::int32_t>();
    const auto n_tags = file_.number<std::int32_t>();
    if (in_block <= 0 || in_block > n - seen) {
      file_.fail_at(head,
                    fmt::format("a block of {} elements where {} are left of the section's {}",
                                in_block, n - seen, n));
    }
    if (n_tags < 0 || n_tags > 1000000) {
      file_.fail_at(
          head, fmt::format("elements with {} tags; a file of version 2.2 has 2 or more", n_tags));
    }
    const std::int64_t bytes_each = 4 * (1 + std::int64_t{n_tags} + type.n_nodes);
    file_.checked_count(static_cast<std::uint64_t>(in_block), bytes_each, "elements");
    for (std::int32_t i = 0; i < in_block; ++i) {
      const std::int64_t where = place();
      const std::int64_t number =
          tag(std::int64_t{file_.number<std::int32_t>()}, "the tag of an element");
      const int physical = n_tags > 0 ? file_.number<std::int32_t>() : 0;
      if (n_tags > 1) file_.skip_bytes(4 * (n_tags - 1));
      const int group = group_of(type.dimension, physical, where);
      contents_.groups[static_cast<std::size_t>(group)].n_elements += 1;
      count_elements(type, 1, where);
      if (sink_ == nullptr) {
        file_.skip_bytes(4 * type.n_nodes);
        continue;
      }
      nodes.resize(static_cast<std::size_t>(type.n_nodes));
      for (std::int64_t& node : nodes) {
        node = tag(std::int64_t{file_.number<std::int32_t>()}, "a node of an element");
      }
      sink_->element(type, number, group, where, nodes.data());
    }
    seen += in_block;
  }
}

void Parser::elements_41() {
  record();
  const std::int64_t section = place();
  const std::uint64_t n_blocks = get_size("the number of blocks");
  const std::int64_t n =
      file_.checked_count(get_size("the number of elements"), file_.binary() ? 16 : 4, "elements");
  (void)get_size("the lowest tag");
  (void)get_size("the highest tag");
  end_record("the head of $Elements");
  file_.checked_count(n_blocks, file_.binary() ? 20 : 8, "blocks of elements");
  contents_.n_elements = n;

  std::int64_t seen = 0;
  std::vector<std::int64_t> nodes;
  for (std::uint64_t block = 0; block < n_blocks; ++block) {
    record();
    const std::int64_t head = place();
    const int dimension = get_int("the dimension of an entity");
    const int entity = get_int("the tag of an entity");
    const int type_number = get_int("the type of the elements");
    const std::uint64_t claimed = get_size("the number of elements in the block");
    end_record("the head of a block of elements");
    const ElementType& type = type_of(type_number);
    if (dimension != type.dimension) {
      file_.fail_at(head, fmt::format("{} elements belong to an entity of dimension {}", type.name,
                                      dimension));
    }
    if (claimed > static_cast<std::uint64_t>(n - seen)) {
      file_.fail_at(head,
                    fmt::format("this block of {} elements makes more than the {} elements that "
                                "the head of the section says",
                                claimed, n));
    }
    const auto in_block = static_cast<std::int64_t>(claimed);
    const std::int64_t bytes_each = 8 * (1 + std::int64_t{type.n_nodes});
    if (file_.binary()) file_.checked_count(claimed, bytes_each, "elements");
    if (in_block > 0) {
      const int group = group_of(dimension, entity, head);
      contents_.groups[static_cast<std::size_t>(group)].n_elements += in_block;
      count_elements(type, in_block, head);
      if (sink_ == nullptr) {
        file_.binary() ? file_.skip_bytes(in_block * bytes_each) : file_.skip_lines(in_block);
      } else {
        nodes.resize(static_cast<std::size_t>(type.n_nodes));
        for (std::int64_t i = 0; i < in_block; ++i) {
          record();
          const std::int64_t where = place();
          const std::int64_t number =
              tag(get_size("the tag of an element"), "the tag of an element");
          for (std::int64_t& node : nodes) {
            node = tag(get_size("a node of an element"), "a node of an element");
          }
          if (!file_.binary() && !words_->at_end()) {
            words_->end(fmt::format("the {} nodes of a {}", type.n_nodes, type.name).c_str());
          }
          sink_->element(type, number, group, where, nodes.data());
        }
      }
    }
    seen += in_block;
  }
  if (seen != n) {
    file_.fail_at(section, fmt::format("the head of $Elements says {} elements, its blocks have {}",
                                       n, seen));
  }
}

}  // namespace

Contents parse(File& file, Sink* sink) {
  return Parser(file, sink).run();
}

}  // namespace ritz::mesh::gmsh

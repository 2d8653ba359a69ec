#include "gmsh_stream.hpp"

#include <algorithm>
#include <exception>
#include <optional>

namespace ritz::mesh::gmsh {

namespace {

/// Nodes or elements that are on their way at a time. The most that rank 0 holds beyond its share
/// is some copies of so many elements of 27 nodes: 100 MB.
constexpr std::size_t items_a_step = std::size_t{1} << 17;

enum class Step : std::int32_t { done, failed, tags, coordinates, elements };

struct TagAndPlace {
  std::int64_t tag, place;
};
using Coordinates = std::array<double, 3>;

/// What every rank does in a step.
class Receiver {
 public:
  explicit Receiver(const comm::Communicator& communicator) : communicator_(communicator) {}

  void tags(std::span<const TagAndPlace> send, std::span<const std::size_t> counts) {
    const auto arrived = communicator_.exchange(send, counts);
    communicator_.together([&] {
      for (const TagAndPlace& one : arrived) share.nodes.push_back({one.tag, one.place, {}});
    });
  }
  void coordinates(std::span<const Coordinates> send, std::span<const std::size_t> counts) {
    for (const Coordinates& x : communicator_.exchange(send, counts)) {
      share.nodes[n_coordinates_++].x = x;
    }
  }
  void elements(std::span<const std::int64_t> send, std::span<const std::size_t> counts) {
    const auto arrived = communicator_.exchange(send, counts);
    communicator_.together([&] {
      for (std::size_t at = 0; at < arrived.size();) {
        ElementList& list = share.elements[static_cast<int>(arrived[at++])];
        list.n_nodes = static_cast<int>(arrived[at++]);
        const auto from = arrived.begin() + static_cast<std::ptrdiff_t>(at);
        list.words.insert(list.words.end(), from, from + static_cast<std::ptrdiff_t>(list.width()));
        at += list.width();
      }
    });
  }

  Share share;

 private:
  const comm::Communicator& communicator_;
  std::size_t n_coordinates_ = 0;
};

/// Rank 0's end: collects items and calls everybody to a step when there are enough of one kind.
/// The i-th item of a kind goes to rank (i / block) mod size, so that a node's tag and its
/// coordinates, which may be far apart in the file, meet on the same rank in the same order.
class Sender final : public Sink {
 public:
  Sender(const comm::Communicator& communicator, Receiver& receiver)
      : communicator_(communicator),
        receiver_(receiver),
        block_(
            std::max<std::size_t>(1, items_a_step / static_cast<std::size_t>(communicator.size()))),
        step_(block_ * static_cast<std::size_t>(communicator.size())) {}

  void node_tag(std::int64_t tag, std::int64_t place) override {
    tags_.push_back({tag, place});
    if (tags_.size() == step_) flush_tags();
  }
  void node_coordinates(const double* xyz) override {
    coordinates_.push_back({xyz[0], xyz[1], xyz[2]});
    if (coordinates_.size() == step_) flush_coordinates();
  }
  void element(const ElementType& type, std::int64_t tag, int group, std::int64_t place,
               const std::int64_t* nodes) override {
    // Types that cannot be cells are refused when the whole file is known.
    if (!type.usable()) return;
    const std::int64_t index = n_of_type_[static_cast<std::size_t>(type.number)]++;
    for (std::int64_t word : {std::int64_t{type.number}, std::int64_t{type.n_nodes}, index, tag,
                              std::int64_t{group}, place}) {
      words_.push_back(word);
    }
    words_.insert(words_.end(), nodes, nodes + type.n_nodes);
    ends_.push_back(words_.size());
    if (ends_.size() == step_) flush_elements();
  }

  void flush() {
    if (!tags_.empty()) flush_tags();
    if (!coordinates_.empty()) flush_coordinates();
    if (!ends_.empty()) flush_elements();
  }

  /// Set when an error came out of a step, which every rank then knows of.
  [[nodiscard]] bool failed_together() const { return in_step_; }

 private:
  void call(Step step) {
    in_step_ = true;
    communicator_.broadcast(step);
  }
  [[nodiscard]] std::vector<std::size_t> counts(std::size_t n) const {
    std::vector<std::size_t> result(static_cast<std::size_t>(communicator_.size()), 0);
    for (std::size_t q = 0, left = n; q < result.size(); ++q) {
      result[q] = std::min(left, block_);
      left -= result[q];
    }
    return result;
  }
  void flush_tags() {
    call(Step::tags);
    receiver_.tags(tags_, counts(tags_.size()));
    tags_.clear();
    in_step_ = false;
  }
  void flush_coordinates() {
    call(Step::coordinates);
    receiver_.coordinates(coordinates_, counts(coordinates_.size()));
    coordinates_.clear();
    in_step_ = false;
  }
  void flush_elements() {
    call(Step::elements);
    std::vector<std::size_t> words = counts(ends_.size());
    std::size_t element = 0, begin = 0;
    for (std::size_t& count : words) {
      element += count;
      const std::size_t end = element == 0 ? 0 : ends_[element - 1];
      count = end - begin;
      begin = end;
    }
    receiver_.elements(words_, words);
    words_.clear();
    ends_.clear();
    in_step_ = false;
  }

  const comm::Communicator& communicator_;
  Receiver& receiver_;
  std::size_t block_, step_;
  std::vector<TagAndPlace> tags_;
  std::vector<Coordinates> coordinates_;
  std::vector<std::int64_t> words_;
  std::vector<std::size_t> ends_;  // of each element in words_
  std::array<std::int64_t, 128> n_of_type_{};
  bool in_step_ = false;
};

void read_on_root(const comm::Communicator& communicator, const std::string& path,
                  Receiver& receiver) {
  Sender sender(communicator, receiver);
  std::exception_ptr problem;
  try {
    File file(path);
    receiver.share.contents = parse(file, &sender);
    sender.flush();
  } catch (...) {
    if (sender.failed_together()) throw;
    problem = std::current_exception();
  }
  Step last = problem ? Step::failed : Step::done;
  communicator.broadcast(last);
  communicator.together([&] {
    if (problem) std::rethrow_exception(problem);
  });
}

void receive(const comm::Communicator& communicator, Receiver& receiver) {
  for (;;) {
    auto step = Step::done;
    communicator.broadcast(step);
    // The zeros are what this rank sends.
    const std::vector<std::size_t> none(static_cast<std::size_t>(communicator.size()), 0);
    switch (step) {
      case Step::done:
      case Step::failed:
        communicator.together([] {});
        return;
      case Step::tags:
        receiver.tags({}, none);
        break;
      case Step::coordinates:
        receiver.coordinates({}, none);
        break;
      case Step::elements:
        receiver.elements({}, none);
        break;
    }
  }
}

}  // namespace

Share stream(const comm::Communicator& communicator, const std::string& path) {
  Receiver receiver(communicator);
  if (communicator.is_root()) {
    read_on_root(communicator, path, receiver);
  } else {
    receive(communicator, receiver);
  }
  return std::move(receiver.share);
}

ElementList to_blocks(const comm::Communicator& communicator, ElementList elements,
                      std::int64_t n) {
  const comm::BlockRange blocks(n, communicator.size());
  const std::size_t width = elements.width();
  const auto n_ranks = static_cast<std::size_t>(communicator.size());
  std::vector<std::size_t> counts(n_ranks, 0);
  // Blocks of the file arrived in its order, so that the elements are sorted by destination.
  for (std::size_t i = 0; i < elements.size(); ++i) {
    counts[static_cast<std::size_t>(blocks.block_of(elements[i][ElementList::index]))] += width;
  }
  const std::vector<std::int64_t> arrived = communicator.exchange(
      std::span<const std::int64_t>(elements.words), std::span<const std::size_t>(counts));
  elements.words = {};
  ElementList result;
  result.n_nodes = elements.n_nodes;
  result.words.resize(arrived.size());
  const std::int64_t begin = blocks.begin(communicator.rank());
  for (std::size_t at = 0; at < arrived.size(); at += width) {
    const auto place = static_cast<std::size_t>(arrived[at + ElementList::index] - begin) * width;
    std::copy_n(arrived.begin() + static_cast<std::ptrdiff_t>(at), width,
                result.words.begin() + static_cast<std::ptrdiff_t>(place));
  }
  return result;
}

}  // namespace ritz::mesh::gmsh

// What test_cpp.py runs: `cpp_cases mesh PORT`, `misuse`, `large PORT`, `impatient PORT [large]`.
#include "hdaemon.hpp"

#include <functional>
#include <iostream>
#include <numeric>

namespace {

void mesh(int port) {
    const double points[] = {0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 2, 2, 2};
    const std::int32_t counts[] = {3, 2}, indices[] = {0, 1, 2, 3, 4}, number[] = {7, -7};
    const std::uint8_t closed[] = {1, 0}, pinned[] = {1, 0, 1, 0, 1}, front[] = {0, 1};
    std::vector<float> v(15), uv(10);
    std::iota(v.begin(), v.end(), 0.0F);
    std::iota(uv.begin(), uv.end(), 0.0F);
    std::vector<std::int64_t> id;
    for (int i = 0; i < 5; ++i) id.push_back(i * 10000000000LL);
    const double time[] = {0.1, 0.2};
    hdaemon::Mesh made("clockwise", "Z", 0.01);
    made.points(points, 5).polygons(counts, 2, indices, 5).closed(closed, 2);
    made.attribute("point", "v", v.data(), 5, 3).attribute("point", "id", id.data(), 5).kind("point", "id", "other");
    made.attribute("vertex", "uv", uv.data(), 5, 2);
    made.strings("prim", "name", {"say \"hi\" \\ \xc3\xbc", ""}).attribute("prim", "number", number, 2);
    made.attribute("detail", "time", time, 1, 2).strings("detail", "shot", {"sh010"});
    made.group("point", "pinned", pinned, 5).group("prim", "front", front, 2);
    const hdaemon::Mesh copy = made;  // it may be copied: the strings that it owns are shared
    hdaemon::Client client("localhost", port);
    client.send("cpp/\xc3\xa4 b", copy);
    client.send("text", "Hello Houdini");
    client.send("json", "{\"tx\": 0.5}", "application/json");
    hdaemon::Mesh empty;
    empty.points(points, 0);
    client.send("empty", empty);
}

void misuse() {
    const float points[] = {0, 0, 0, 1, 0, 0, 1, 1, 0};
    const std::int32_t bad_counts[] = {3, 0}, counts[] = {4}, three[] = {3}, indices[] = {0, 1, 9};
    const auto made = [&] {
        hdaemon::Mesh mesh;
        mesh.points(points, 3);
        return mesh;
    };
    const std::function<void()> wrong[] = {
        [&] { made().polygons(bad_counts, 2, indices, 3); },
        [&] { made().polygons(counts, 1, indices, 3); },
        [&] { made().polygons(three, 1, indices, 3); },
        [&] { made().attribute("point", "N", points, 2, 3); },
        [&] { made().attribute("face", "N", points, 2, 3); },
        [&] { made().points(points, 3); },
        [&] { made().attribute<float>("point", "a", nullptr, 3); },
        [&] { hdaemon::Client().send("a", hdaemon::Mesh()); },
        [&] { hdaemon::Mesh("clockwise", "X"); },
        [&] { hdaemon::Mesh("clockwise", "Y", -1); },
        [&] { hdaemon::Client().send("a#", "text"); },
        [&] { hdaemon::Client("127.0.0.1", 0); },
    };
    for (const auto& each : wrong) {
        try {
            each();
            std::cout << "nothing\n";
        } catch (const std::invalid_argument& error) {
            std::cout << error.what() << '\n';
        }
    }
}

void large(int port, double timeout_s) {
    std::vector<float> points(3000000);
    std::iota(points.begin(), points.end(), 0.0F);
    hdaemon::Mesh mesh;
    mesh.points(points.data(), points.size() / 3);
    hdaemon::Client client("127.0.0.1", port, "", timeout_s);
    const long long first = client.send("cpp/large", mesh).serial;
    std::cout << first << ' ' << client.send("cpp/large", mesh).serial << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    const int port = argc > 2 ? std::atoi(argv[2]) : 0;
    try {
        if (what == "mesh") mesh(port);
        if (what == "misuse") misuse();
        if (what == "large") large(port, 20);
        if (what == "impatient" && argc > 3) large(port, 0.3);
        if (what == "impatient") hdaemon::Client("127.0.0.1", port, "", 0.3).send("a", "text");
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
    return 0;
}

// Send a torus with normals, uv, names and a group; with --frames it deforms, 30 times a second.
//
//     g++ -std=c++17 -O2 send_mesh.cpp -o send_mesh         (Windows: cl /std:c++17 /EHsc send_mesh.cpp ws2_32.lib)
//     ./send_mesh --to 127.0.0.1:2000 --frames 300
#include "hdaemon.hpp"

#include <cmath>
#include <iostream>
#include <thread>

namespace {

constexpr int around = 96, across = 48;
constexpr float turn = 6.28318530718F;

struct Torus {
    std::vector<float> points, normals, uv;
    std::vector<std::int32_t> counts, indices;
    std::vector<std::string> names;
    std::vector<std::uint8_t> inside;  // the group of points that look to the middle

    Torus() : points(3 * around * across), normals(points.size()), inside(around * across) {
        for (int i = 0; i < around; ++i) {
            for (int j = 0; j < across; ++j) {
                inside[static_cast<std::size_t>(i * across + j)] = j > across / 4 && j < across * 3 / 4;
                counts.push_back(4);
                names.push_back("ring" + std::to_string(i));
                const int corners[4][2] = {{i, j}, {i, j + 1}, {i + 1, j + 1}, {i + 1, j}};
                for (const auto& [a, b] : corners) {
                    indices.push_back(a % around * across + b % across);
                    uv.push_back(static_cast<float>(a) / around);
                    uv.push_back(static_cast<float>(b) / across);
                }
            }
        }
        deform(0);
    }

    void deform(float t) {  // the tube grows thick and thin on its way round; the normals are those of an even one
        std::size_t at = 0;
        for (int i = 0; i < around; ++i) {
            const float u = turn * static_cast<float>(i) / around;
            const float thick = 0.3F + 0.1F * std::sin(3 * u + t);
            for (int j = 0; j < across; ++j, at += 3) {
                const float v = turn * static_cast<float>(j) / across;
                normals[at] = std::cos(u) * std::cos(v);
                normals[at + 1] = std::sin(v);
                normals[at + 2] = std::sin(u) * std::cos(v);
                points[at] = std::cos(u) + thick * normals[at];
                points[at + 1] = thick * normals[at + 1];
                points[at + 2] = std::sin(u) + thick * normals[at + 2];
            }
        }
    }
};

}  // namespace

int main(int argc, char** argv) {
    std::string to = "127.0.0.1:2000", channel = "cpp/torus", token;
    int frames = 1;
    for (int i = 1; i < argc; i += 2) {
        const std::string word = argv[i];
        if (i + 1 < argc && word == "--to")
            to = argv[i + 1];
        else if (i + 1 < argc && word == "--channel")
            channel = argv[i + 1];
        else if (i + 1 < argc && word == "--token")
            token = argv[i + 1];
        else if (i + 1 < argc && word == "--frames")
            frames = std::atoi(argv[i + 1]);
        else {
            std::cerr << "usage: send_mesh [--to HOST:PORT] [--channel NAME] [--token TOKEN] [--frames N]\n";
            return 2;
        }
    }
    try {
        const std::size_t colon = to.rfind(':');
        const int port = colon == std::string::npos ? 0 : std::atoi(to.c_str() + colon + 1);
        hdaemon::Client client(to.substr(0, colon), port, token);
        Torus torus;
        hdaemon::Mesh mesh("counterclockwise", "Y", 1.0);  // it keeps where the arrays lie, and is sent again and again
        const std::size_t points = torus.points.size() / 3, polygons = torus.counts.size(),
                          vertices = torus.indices.size();
        std::int32_t frame = 0;
        mesh.points(torus.points.data(), points)
            .polygons(torus.counts.data(), polygons, torus.indices.data(), vertices)
            .attribute("point", "N", torus.normals.data(), points, 3)
            .attribute("vertex", "uv", torus.uv.data(), vertices, 2)
            .strings("prim", "name", torus.names)
            .attribute("detail", "frame", &frame, 1)
            .group("point", "inside", torus.inside.data(), points);
        const auto start = std::chrono::steady_clock::now();
        for (; frame < frames; ++frame) {
            std::this_thread::sleep_until(start + std::chrono::milliseconds(frame * 1000LL / 30));
            torus.deform(static_cast<float>(frame) / 10);
            const hdaemon::Ack ack = client.send(channel, mesh);
            if (frame == 0 || frame + 1 == frames)
                std::cout << "frame " << frame << ": serial " << ack.serial
                          << (ack.stored ? ", stored" : ", only shown (print mode)") << std::endl;
        }
    } catch (const std::exception& error) {
        std::cerr << "cannot send: " << error.what() << std::endl;
        return 1;
    }
    return 0;
}

// hdaemon.hpp: send meshes, text and JSON to a running hdaemon. One header, C++17, POSIX sockets or Winsock, nothing
// else.
//
//     hdaemon::Mesh mesh("counterclockwise", "Y", 1.0);
//     mesh.points(xyz, point_count).polygons(counts, polygon_count, indices, vertex_count);
//     mesh.attribute("point", "N", normals, point_count, 3).strings("prim", "name", names);
//     hdaemon::Client client("127.0.0.1", 2000);
//     hdaemon::Ack ack = client.send("engine/ship", mesh);   // acknowledged when it returns
//
// The arrays are not copied: they are sent from where they lie, so they must stay until send() returns. What does not
// fit is a std::invalid_argument, and what goes wrong on the way a hdaemon::Error; both say what, where and what to do.
// Every wait has a deadline, but for the system's look-up of a host's name. A Client is for one thread at a time.
// The bytes are described in docs/mesh.md and docs/wire.md. On Windows link with ws2_32.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <locale>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX  // windows.h makes macros of min and max otherwise
#endif
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <cerrno>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "hdaemon.hpp sends arrays as they lie in memory, which must be little-endian"
#endif

namespace hdaemon {

// It was not sent, or not acknowledged.
class Error : public std::runtime_error {
public:
    explicit Error(const std::string& text, int answered = 0) : std::runtime_error(text), status(answered) {}
    const int status;  // of the server's answer (HTTP), such as 401 when it asks for a token; 0: there was none
};

// What the server said to a message.
struct Ack {
    long long serial = 0;  // its number
    bool stored = false;   // false: only shown (print mode)
    std::string mode;      // "print" or "evaluate"
};

namespace detail {

struct Piece {
    const void* data;
    std::size_t size;
};

// A JSON string (RFC 8259, 7). Bytes above 0x7f are passed on: they must be UTF-8.
inline std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20) {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(byte));
            out += code;
        } else {
            out += c;
        }
    }
    return out + '"';
}

inline std::string number(double value) {  // with a point, whatever the user's language
    if (!(value > 0 && value <= std::numeric_limits<double>::max()))
        throw std::invalid_argument("metres_per_unit is not a number above 0");
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(17);
    out << value;
    return out.str();
}

}  // namespace detail

// A mesh whose arrays lie with the caller; see docs/mesh.md for what each is.
class Mesh {
public:
    // winding: "clockwise" or "counterclockwise", seen from the front; up: "Y" or "Z".
    explicit Mesh(std::string winding = "counterclockwise", std::string up = "Y", double metres_per_unit = 1.0)
        : winding_(std::move(winding)), up_(std::move(up)), metres_per_unit_(detail::number(metres_per_unit)) {
        if (winding_ != "clockwise" && winding_ != "counterclockwise")
            throw std::invalid_argument("winding is \"" + winding_ + "\": use clockwise or counterclockwise");
        if (up_ != "Y" && up_ != "Z") throw std::invalid_argument("up is \"" + up_ + "\": use Y or Z");
    }

    // x, y, z of each point: float or double.
    template <class T>
    Mesh& points(const T* xyz, std::size_t count) {
        static_assert(std::is_floating_point_v<T>, "positions are float or double");
        point_count_ = count;
        return add("P", xyz, {count, 3});
    }

    // The vertices of each polygon, at least 1, and the point of each vertex, from 0.
    Mesh& polygons(const std::int32_t* counts, std::size_t count, const std::int32_t* indices, std::size_t vertices) {
        std::int64_t total = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (counts[i] < 1)
                throw std::invalid_argument("counts: polygon " + std::to_string(i) + " has " +
                                            std::to_string(counts[i]) + " vertices: give at least 1");
            total += counts[i];
        }
        if (total != static_cast<std::int64_t>(vertices))
            throw std::invalid_argument("indices has " + std::to_string(vertices) + " vertices, and counts add up to " +
                                        std::to_string(total));
        for (std::size_t i = 0; i < vertices; ++i)
            if (indices[i] < 0 || static_cast<std::size_t>(indices[i]) >= point_count_)
                throw std::invalid_argument("indices: vertex " + std::to_string(i) + " is at point " +
                                            std::to_string(indices[i]) + ", and the mesh has " +
                                            std::to_string(point_count_) + " points (give points first)");
        polygon_count_ = count;
        vertex_count_ = vertices;
        add("counts", counts, {count});
        return add("indices", indices, {vertices});
    }

    // Of each polygon: 1 a polygon, 0 a curve of straight lines. Not given: all are polygons.
    Mesh& closed(const std::uint8_t* flags, std::size_t count) {
        check("closed", count, polygon_count_, "polygons");
        return add("closed", flags, {count}, "BOOL");
    }

    // Numbers of each element of a class ("point", "vertex", "prim" or "detail", which has one): int32, int64, float or
    // double, `width` of them. N, v and Cd of 3 and uv of 2 or 3 are normal, vector, color and texturecoord without
    // kind().
    template <class T>
    Mesh& attribute(const std::string& cls, const std::string& name, const T* values, std::size_t count,
                    std::size_t width = 1) {
        const std::string key = cls + '/' + name;
        check(key, count, size_of(cls), "elements of class " + cls);
        if (name.empty() || width < 1) throw std::invalid_argument(key + ": give it a name, and a width of 1 or more");
        const bool vector = width == 3 && (name == "N" || name == "v" || name == "Cd");
        if (std::is_floating_point_v<T> && cls != "detail" && (vector || (name == "uv" && (width == 2 || width == 3))))
            kinds_[key] = name == "N" ? "normal" : name == "v" ? "vector" : name == "Cd" ? "color" : "texturecoord";
        if (cls == "detail") return add(key, values, {width});
        return width == 1 ? add(key, values, {count}) : add(key, values, {count, width});
    }

    // A string for each element (UTF-8). These are copied: each different one once, and an index for each element.
    Mesh& strings(const std::string& cls, const std::string& name, const std::vector<std::string>& values) {
        const std::string key = cls + '/' + name;
        check(key, values.size(), size_of(cls), "elements of class " + cls);
        auto owned = std::make_shared<Owned>();
        std::unordered_map<std::string, std::int32_t> seen;
        for (const auto& value : values) {
            if (value.find('\0') != std::string::npos)
                throw std::invalid_argument(key + ": a string has a byte 0 inside");
            const auto [at, is_new] = seen.emplace(value, static_cast<std::int32_t>(seen.size()));
            if (is_new) owned->table.append(value).push_back('\0');
            owned->indices.push_back(at->second);
        }
        owned_.push_back(owned);
        add(key, owned->indices.data(), {values.size()});
        return add("strings/" + key, reinterpret_cast<const std::uint8_t*>(owned->table.data()), {owned->table.size()});
    }

    // A group of class "point" or "prim": 1 for each element that is in it, else 0.
    Mesh& group(const std::string& cls, const std::string& name, const std::uint8_t* flags, std::size_t count) {
        if (cls != "point" && cls != "prim")
            throw std::invalid_argument("a group is of class point or prim, not " + cls);
        check("group " + name, count, size_of(cls), "elements of class " + cls);
        return add(cls + "_group/" + name, flags, {count}, "BOOL");
    }

    // What an attribute means: normal, vector, point, color, texturecoord, transform, quaternion.
    Mesh& kind(const std::string& cls, const std::string& name, const std::string& meaning) {
        kinds_[cls + '/' + name] = meaning;
        return *this;
    }

    std::size_t point_count() const { return point_count_; }
    std::size_t polygon_count() const { return polygon_count_; }

    // The head of the message; fills `pieces` with the arrays in the order in which they follow it.
    std::string head(std::vector<detail::Piece>& pieces) const {
        if (tensors_.empty() || tensors_.front().name != "P")
            throw std::invalid_argument("a mesh begins with points()");
        std::vector<const Tensor*> order;
        for (const auto& tensor : tensors_) order.push_back(&tensor);
        // Larger items first: then each is aligned where it arrives.
        std::stable_sort(order.begin(), order.end(),
                         [](const Tensor* a, const Tensor* b) { return a->item > b->item; });
        std::string kinds;
        for (const auto& [key, meaning] : kinds_)
            kinds += (kinds.empty() ? "" : ",") + detail::quoted(key) + ':' + detail::quoted(meaning);
        std::string json = "{\"__metadata__\":{\"hdaemon.mesh\":\"1\",\"winding\":\"" + winding_ + "\",\"up\":\"" +
                           up_ + "\",\"metres_per_unit\":\"" + metres_per_unit_ +
                           "\",\"kinds\":" + detail::quoted('{' + kinds + '}') + '}';
        std::map<const Tensor*, std::size_t> begins;
        std::size_t at = 0;
        for (const auto* tensor : order) {
            begins[tensor] = at;
            at += tensor->bytes;
            if (tensor->bytes) pieces.push_back({tensor->data, tensor->bytes});
        }
        for (const auto& tensor : tensors_) {  // named in the order in which they were given
            std::string shape;
            for (const std::size_t n : tensor.shape) shape += (shape.empty() ? "" : ",") + std::to_string(n);
            const std::size_t begin = begins[&tensor];
            json += ',' + detail::quoted(tensor.name) + ":{\"dtype\":\"" + tensor.dtype + "\",\"shape\":[" + shape +
                    "],\"data_offsets\":[" + std::to_string(begin) + ',' + std::to_string(begin + tensor.bytes) + "]}";
        }
        json += '}';
        json.append((64 - (8 + json.size()) % 64) % 64, ' ');
        std::string out(8, '\0');
        for (int i = 0; i < 8; ++i) out[static_cast<std::size_t>(i)] = static_cast<char>(json.size() >> (8 * i) & 0xff);
        return out + json;
    }

private:
    struct Tensor {
        std::string name, dtype;
        std::vector<std::size_t> shape;
        const void* data;
        std::size_t item, bytes;
    };
    struct Owned {
        std::string table;
        std::vector<std::int32_t> indices;
    };

    static void check(const std::string& what, std::size_t count, std::size_t wanted, const std::string& owners) {
        if (count != wanted)
            throw std::invalid_argument(what + " has " + std::to_string(count) + " values, and the mesh has " +
                                        std::to_string(wanted) + ' ' + owners + " (give points and polygons first)");
    }

    std::size_t size_of(const std::string& cls) const {
        if (cls == "point") return point_count_;
        if (cls == "vertex") return vertex_count_;
        if (cls == "prim") return polygon_count_;
        if (cls == "detail") return 1;
        throw std::invalid_argument("class \"" + cls + "\" does not exist: use point, vertex, prim or detail");
    }

    template <class T>
    Mesh& add(const std::string& name, const T* data, std::vector<std::size_t> shape, const char* dtype = nullptr) {
        static_assert(std::is_arithmetic_v<T> && (sizeof(T) >= 4 || std::is_same_v<T, std::uint8_t>) && sizeof(T) <= 8,
                      "attributes are int32, int64, float or double");
        for (const auto& tensor : tensors_)
            if (tensor.name == name) throw std::invalid_argument(name + " is given twice");
        if (tensors_.size() >= 10000) throw std::invalid_argument("a mesh has at most 10,000 arrays");
        std::size_t bytes = sizeof(T);
        for (const std::size_t n : shape) bytes *= n;
        if (bytes && !data) throw std::invalid_argument(name + ": the array is a null pointer");
        const char kind = std::is_floating_point_v<T> ? 'F' : std::is_signed_v<T> ? 'I' : 'U';
        std::string type = dtype ? std::string(dtype) : kind + std::to_string(8 * sizeof(T));
        tensors_.push_back({name, std::move(type), std::move(shape), data, sizeof(T), bytes});
        return *this;
    }

    std::string winding_, up_, metres_per_unit_;
    std::size_t point_count_ = 0, polygon_count_ = 0, vertex_count_ = 0;
    std::vector<Tensor> tensors_;
    std::map<std::string, std::string> kinds_;
    std::vector<std::shared_ptr<const Owned>> owned_;
};

namespace detail {

using Clock = std::chrono::steady_clock;

#ifdef _WIN32
using Handle = SOCKET;
constexpr Handle no_handle = INVALID_SOCKET;
inline int last_error() {
    return WSAGetLastError();
}
inline bool would_block(int code) {
    return code == WSAEWOULDBLOCK || code == WSAEINTR;
}
inline bool connecting(int code) {
    return code == WSAEWOULDBLOCK || code == WSAEINPROGRESS;
}
inline void close_handle(Handle handle) {
    closesocket(handle);
}
inline int poll_one(WSAPOLLFD& entry, int timeout_ms) {
    return WSAPoll(&entry, 1, timeout_ms);
}
using PollEntry = WSAPOLLFD;
inline std::string describe(int code) {
    return "Winsock error " + std::to_string(code);
}
inline void start_sockets() {
    static const int failed = [] {
        WSADATA data;
        return WSAStartup(MAKEWORD(2, 2), &data);
    }();
    if (failed) throw Error("Winsock cannot be started: " + describe(failed));
}
inline bool set_nonblocking(Handle handle) {
    u_long on = 1;
    return ioctlsocket(handle, FIONBIO, &on) == 0;
}
#else
using Handle = int;
constexpr Handle no_handle = -1;
inline int last_error() {
    return errno;
}
inline bool would_block(int code) {
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}
inline bool connecting(int code) {
    return code == EINPROGRESS || code == EINTR;
}
inline void close_handle(Handle handle) {
    ::close(handle);
}
using PollEntry = pollfd;
inline int poll_one(PollEntry& entry, int timeout_ms) {
    return ::poll(&entry, 1, timeout_ms);
}
inline std::string describe(int code) {
    return std::strerror(code);
}
inline void start_sockets() {}
inline bool set_nonblocking(Handle handle) {
    return fcntl(handle, F_SETFL, fcntl(handle, F_GETFL) | O_NONBLOCK) == 0;
}
#endif

// A connected socket; closed with the object.
class Socket {
public:
    Socket() = default;
    explicit Socket(Handle handle) : handle_(handle) {}
    Socket(Socket&& other) noexcept : handle_(std::exchange(other.handle_, no_handle)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Socket() {
        if (handle_ != no_handle) close_handle(handle_);
    }

    Handle get() const { return handle_; }
    explicit operator bool() const { return handle_ != no_handle; }

    // Wait for events (POLLIN, POLLOUT); return those that are there, 0 when the time is over.
    int wait(int events, Clock::time_point deadline) const {
        for (;;) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
            PollEntry entry{};
            entry.fd = handle_;
            entry.events = static_cast<short>(events);
            const int found = poll_one(entry, static_cast<int>(std::clamp<long long>(left + 1, 0, 1 << 30)));
            if (found > 0) return entry.revents & (POLLERR | POLLHUP | POLLNVAL) ? events : entry.revents;
            if (found < 0 && !would_block(last_error())) throw Error("poll failed: " + describe(last_error()));
            if (Clock::now() >= deadline) return 0;
        }
    }

    // Write as much of the pieces as there is room for; return how much, or -1 with last_error().
    long long write(const std::vector<Piece>& pieces, std::size_t first, std::size_t offset) const {
        constexpr std::size_t most_pieces = 64, most_bytes = std::size_t(1) << 30;
        std::size_t count = 0, bytes = 0;
#ifdef _WIN32
        WSABUF parts[most_pieces];
#else
        iovec parts[most_pieces];
#endif
        for (; first < pieces.size() && count < most_pieces && bytes < most_bytes; ++first, ++count, offset = 0) {
            auto* data = const_cast<char*>(static_cast<const char*>(pieces[first].data)) + offset;
            const std::size_t size = std::min(pieces[first].size - offset, most_bytes - bytes);
            bytes += size;
#ifdef _WIN32
            parts[count].buf = data;
            parts[count].len = static_cast<ULONG>(size);
            if (size < pieces[first].size - offset) {
                ++count;
                break;
            }
#else
            parts[count].iov_base = data;
            parts[count].iov_len = size;
#endif
        }
#ifdef _WIN32
        DWORD sent = 0;
        return WSASend(handle_, parts, static_cast<DWORD>(count), &sent, 0, nullptr, nullptr) == 0
                   ? static_cast<long long>(sent)
                   : -1;
#else
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
#ifdef MSG_NOSIGNAL
        return ::sendmsg(handle_, &message, MSG_NOSIGNAL);  // a broken connection is an error here, not a signal
#else
        return ::sendmsg(handle_, &message, 0);
#endif
#endif
    }

    long long read(char* into, std::size_t size) const {
#ifdef _WIN32
        return ::recv(handle_, into, static_cast<int>(size), 0);
#else
        return ::recv(handle_, into, size, 0);
#endif
    }

private:
    Handle handle_ = no_handle;
};

}  // namespace detail

// A connection to one hdaemon; made by the first send, kept, and made again when it broke.
class Client {
public:
    // timeout_s: how long the server may take nothing and say nothing.
    explicit Client(std::string host = "127.0.0.1", int port = 2000, std::string token = "", double timeout_s = 10.0)
        : host_(std::move(host)), port_(port), token_(std::move(token)), timeout_s_(timeout_s) {
        where_ = (host_.find(':') == std::string::npos ? host_ : '[' + host_ + ']') + ':' + std::to_string(port_);
        if (port < 1 || port > 65535)
            throw std::invalid_argument("port " + std::to_string(port) + " is not 1 to 65535");
        if (!(timeout_s > 0 && timeout_s < 1e6)) throw std::invalid_argument("timeout_s is not a time above 0");
        for (const char c : token_)
            if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f)
                throw std::invalid_argument(
                    "a token is printable text without spaces: give the one the server was started with");
        std::random_device random;
        for (int i = 0; i < 4; ++i) id_ += std::to_string(random());
    }

    // Send a mesh, and wait until the server has acknowledged it.
    Ack send(const std::string& channel, const Mesh& mesh) {
        std::vector<detail::Piece> pieces(1);
        const std::string head = mesh.head(pieces);
        pieces[0] = {head.data(), head.size()};
        return send(channel, "application/vnd.safetensors", std::move(pieces));
    }

    // Send text; or JSON, as `type` "application/json"; or anything else.
    Ack send(const std::string& channel, const std::string& text, const std::string& type = "text/plain") {
        return send(channel, type, {{text.data(), text.size()}});
    }

private:
    using Clock = detail::Clock;
    enum class Broken { before_the_answer };

    static std::string quoted(const std::string& channel) {  // as it stands in a URL (RFC 3986, 2.1)
        static const char* const hex = "0123456789ABCDEF";
        if (channel.empty() || channel.size() > 256) throw std::invalid_argument("a channel's name has 1 to 256 bytes");
        std::string out;
        for (const char c : channel) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < 0x20 || byte == 0x7f || c == '+' || c == '#')
                throw std::invalid_argument("channel \"" + channel +
                                            "\" has a control character, + or #: leave it out");
            if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                std::strchr("-._~/", c))
                out += c;
            else
                (out += '%').append({hex[byte >> 4], hex[byte & 15]});
        }
        return out;
    }

    Clock::time_point deadline() const {
        return Clock::now() + std::chrono::milliseconds(static_cast<long long>(timeout_s_ * 1000));
    }

    Ack send(const std::string& channel, const std::string& type, std::vector<detail::Piece> pieces) {
        std::size_t size = 0;
        for (const auto& piece : pieces) size += piece.size;
        const std::string path = quoted(channel);
        // By its key the server recognises a message that it has already, when it is sent again.
        const std::string key = id_ + '/' + std::to_string(++number_);
        for (bool again = false;; again = true) {
            const bool kept = bool(socket_);
            try {
                if (!kept) connect();
                std::string head = "PUT /channels/" + path + " HTTP/1.1\r\nHost: " + address_ +
                                   "\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(size) +
                                   "\r\nIdempotency-Key: \"" + key + "\"\r\n";
                if (!token_.empty()) head += "Authorization: Bearer " + token_ + "\r\n";
                head += "\r\n";
                std::vector<detail::Piece> all{{head.data(), head.size()}};
                all.insert(all.end(), pieces.begin(), pieces.end());
                write(all);
                return answer(channel);
            } catch (Broken) {
                disconnect();
                // A connection that was kept may have been closed by the server meanwhile: once more, on a new one.
                if (!kept || again)
                    throw Error(where_ +
                                " closed the connection before it answered: is it an hdaemon, and still running?");
            } catch (...) {
                disconnect();  // it may have stopped inside a message: nothing can follow on this connection
                throw;
            }
        }
    }

    void disconnect() {
        socket_ = detail::Socket();
        inbox_.clear();
    }

    void connect() {
        detail::start_sockets();
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        if (getaddrinfo(host_.c_str(), std::to_string(port_).c_str(), &hints, &found) != 0 || !found)
            throw Error("host \"" + host_ + "\" was not found: is the name right?");
        const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
        std::string why;
        for (const addrinfo* at = found; at; at = at->ai_next) {
            detail::Socket socket(::socket(at->ai_family, at->ai_socktype, at->ai_protocol));
            if (!socket || !detail::set_nonblocking(socket.get())) {
                why = detail::describe(detail::last_error());
                continue;
            }
            int on = 1;
            setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&on), sizeof on);
#ifdef SO_NOSIGPIPE
            setsockopt(socket.get(), SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
            if (::connect(socket.get(), at->ai_addr, static_cast<socklen_t>(at->ai_addrlen)) != 0) {
                if (!detail::connecting(detail::last_error())) {
                    why = detail::describe(detail::last_error());
                    continue;
                }
                if (!socket.wait(POLLOUT, deadline())) {
                    why = "no answer in time";
                    continue;
                }
                int code = 0;
                socklen_t length = sizeof code;
                getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&code), &length);
                if (code) {
                    why = detail::describe(code);
                    continue;
                }
            }
            // Host: is the address itself, as a server refuses names that only we know it by.
            char address[256] = "", port[32] = "";
            getnameinfo(at->ai_addr, static_cast<socklen_t>(at->ai_addrlen), address, sizeof address, port, sizeof port,
                        NI_NUMERICHOST | NI_NUMERICSERV);
            const std::string plain = std::string(address).substr(0, std::string(address).find('%'));
            address_ = (plain.find(':') == std::string::npos ? plain : '[' + plain + ']') + ':' + port;
            socket_ = std::move(socket);
            inbox_.clear();
            return;
        }
        throw Error("cannot connect to " + where_ + ": " + why + "; is the server started, and on this port?");
    }

    void write(const std::vector<detail::Piece>& pieces) {
        std::size_t first = 0, offset = 0;
        while (first < pieces.size()) {
            if (offset == pieces[first].size) {
                ++first;
                offset = 0;
                continue;
            }
            const long long sent = socket_.write(pieces, first, offset);
            if (sent < 0) {
                if (!detail::would_block(detail::last_error())) {
                    receive_what_is_there();  // it may say why it closed the connection
                    if (inbox_.find("\r\n\r\n") != std::string::npos) return;
                    throw Broken::before_the_answer;
                }
                const int ready = socket_.wait(POLLIN | POLLOUT, deadline());
                if (!ready) throw Error(where_ + " took nothing for a while: is its program stopped?");
                if (ready & POLLIN) {  // an answer before the end: it refuses
                    const bool open = receive_what_is_there();
                    if (inbox_.find("\r\n\r\n") != std::string::npos) return;
                    if (!open) throw Broken::before_the_answer;
                }
                continue;
            }
            for (auto left = static_cast<std::size_t>(sent); left;) {
                const std::size_t here = std::min(left, pieces[first].size - offset);
                left -= here;
                offset += here;
                if (offset == pieces[first].size) {
                    ++first;
                    offset = 0;
                }
            }
        }
    }

    // Return false when the connection has ended.
    bool receive_what_is_there() {
        char part[4096];
        for (;;) {
            const long long got = socket_.read(part, sizeof part);
            if (got == 0) return false;
            if (got < 0) return detail::would_block(detail::last_error());
            inbox_.append(part, static_cast<std::size_t>(got));
            if (inbox_.size() > 1 << 20)
                throw Error(where_ + " answered with more than a megabyte: is it an hdaemon, and the port right?");
        }
    }

    void receive() {
        if (!socket_.wait(POLLIN, deadline())) throw Error(where_ + " did not answer in time: is its program stopped?");
        if (!receive_what_is_there() && inbox_.empty()) throw Broken::before_the_answer;
    }

    void check_beginning() const {
        const std::string http = "HTTP/1.", refused = "hdaemon: refused: ";
        if (inbox_.compare(0, refused.size(), refused) == 0)
            throw Error(where_ + " refused the connection: " + inbox_.substr(refused.size(), 200));
        const std::size_t there = std::min(inbox_.size(), http.size());
        if (http.compare(0, there, inbox_, 0, there) != 0 && refused.compare(0, there, inbox_, 0, there) != 0)
            throw Error(where_ + " is not an hdaemon: it answered \"" + inbox_.substr(0, 60) +
                        "\"; is the port right?");
    }

    // Read an answer (RFC 9112): a status line, headers, and a body of Content-Length bytes.
    Ack answer(const std::string& channel) {
        std::size_t end;
        int status = 0;
        for (;;) {
            while ((end = inbox_.find("\r\n\r\n")) == std::string::npos) {
                const std::size_t before = inbox_.size();
                receive();
                check_beginning();
                if (inbox_.size() == before)
                    throw Error(where_ + " closed the connection inside its answer: its log says why");
            }
            status = std::atoi(inbox_.c_str() + 8);
            if (status >= 200) break;
            inbox_.erase(0, end + 4);  // 1xx comes before the answer itself
        }
        std::string head = inbox_.substr(0, end);
        std::transform(head.begin(), head.end(), head.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
        const std::size_t at = head.find("\r\ncontent-length:");
        const unsigned long long length =
            at == std::string::npos ? 0 : std::strtoull(head.c_str() + at + 17, nullptr, 10);
        if (length > 1 << 20)
            throw Error(where_ + " answered with more than a megabyte: is it an hdaemon, and the port right?");
        while (inbox_.size() < end + 4 + length) {
            const std::size_t before = inbox_.size();
            receive();
            if (inbox_.size() == before)
                throw Error(where_ + " closed the connection inside its answer: its log says why");
        }
        const std::string body = inbox_.substr(end + 4, length);
        inbox_.erase(0, end + 4 + length);
        if (status != 200)
            throw Error(where_ + " refused what was sent to channel \"" + channel + "\" (" + std::to_string(status) +
                            "): " + text_of(body, "error"),
                        status);
        if (head.find("\r\nconnection: close") != std::string::npos) disconnect();
        Ack ack;
        const std::size_t serial = body.find("\"serial\": ");
        if (serial == std::string::npos)
            throw Error(where_ + " is not an hdaemon: its answer has no serial; is the port right?");
        ack.serial = std::strtoll(body.c_str() + serial + 10, nullptr, 10);
        ack.stored = body.find("\"stored\": true") != std::string::npos;
        ack.mode = text_of(body, "mode");
        return ack;
    }

    // The value of a member that is a string; what is escaped but for \" and \\ is left as it is.
    static std::string text_of(const std::string& json, const std::string& name) {
        const std::string begin = '"' + name + "\": \"";
        std::size_t at = json.find(begin);
        if (at == std::string::npos) return "it gave no reason";
        std::string out;
        for (at += begin.size(); at < json.size() && json[at] != '"'; ++at) {
            if (json[at] == '\\' && at + 1 < json.size() && (json[at + 1] == '"' || json[at + 1] == '\\')) ++at;
            out += json[at];
        }
        return out;
    }

    std::string host_;
    int port_;
    std::string token_;
    double timeout_s_;
    std::string where_, address_, id_, inbox_;
    unsigned long long number_ = 0;
    detail::Socket socket_;
};

}  // namespace hdaemon

#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace tilecompile {

/// Certificates for a test, made with openssl in one folder: NAME.pem and NAME.key.
class Certificates {
 public:
  explicit Certificates(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }

  std::string pem(const std::string& name) const { return (folder_ / (name + ".pem")).string(); }
  std::string key(const std::string& name) const { return (folder_ / (name + ".key")).string(); }

  /// An authority that signs others.
  void authority(const std::string& name) {
    shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout " + name +
          ".key -out " + name + ".pem -subj '/CN=" + name +
          "' -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign");
  }
  /// A certificate of `common_name`, signed by `authority`. `names` is a subjectAltName or empty;
  /// `valid` are openssl's words for its dates.
  void leaf(const std::string& authority, const std::string& name, const std::string& common_name,
            const std::string& names, const std::string& valid = "-days 30") {
    std::ofstream(folder_ / (name + ".ext"))
        << (names.empty() ? "" : "subjectAltName=" + names + "\n") << "basicConstraints=CA:FALSE\n";
    shell("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + name + ".key -out " +
          name + ".csr -subj '/CN=" + common_name + "'");
    // `ca` takes any dates, `x509` only those that start now.
    std::ofstream(folder_ / (name + ".cnf"))
        << "[ca]\ndefault_ca=one\n[one]\ndatabase=" << name << ".db\nserial=" << name
        << ".srl\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n";
    std::ofstream(folder_ / (name + ".db")) << "";
    shell("openssl ca -batch -notext -rand_serial -config " + name + ".cnf -cert " + authority +
          ".pem -keyfile " + authority + ".key -in " + name + ".csr -out " + name + ".pem -extfile " + name +
          ".ext " + valid);
  }
  /// `to` becomes a copy of `from`.
  void copy(const std::string& from, const std::string& to) {
    for (const char* ending : {".pem", ".key"})
      std::filesystem::copy_file(folder_ / (from + ending), folder_ / (to + ending),
                                 std::filesystem::copy_options::overwrite_existing);
  }

 private:
  void shell(const std::string& command) const {
    const std::string line =
        "cd '" + folder_.string() + "' && umask 077 && " + command + " > openssl.log 2>&1 < /dev/null";
    if (std::system(line.c_str()) != 0) throw std::runtime_error("failed: " + line);
  }

  std::filesystem::path folder_;
};

}  // namespace tilecompile

#pragma once
#include <string>
#include <vector>

namespace tilecompile {

/// A certificate and its key as PEM, the key without a passphrase.
struct KeyedCertificate {
  std::string certificate_pem, key_pem;
};

/// A new authority (P-256, ten years) that can issue certificates. Throws ContractError when OpenSSL refuses.
KeyedCertificate make_authority(const std::string& common_name);

/// A certificate of the authority (P-256, 825 days). With `names`, host names and addresses, it is for a
/// server, otherwise for a client. Throws UsageError when the authority is damaged or its key is another's.
KeyedCertificate issue_certificate(const KeyedCertificate& authority, const std::string& common_name,
                                   const std::vector<std::string>& names);

}  // namespace tilecompile

mkdir -p usr/libexec/openssh
mv usr/lib/openssh/sftp-server usr/libexec/openssh/

ln -s g++ usr/bin/c++

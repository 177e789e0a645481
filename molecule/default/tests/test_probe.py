def test_it(host):
    assert host.check_output("id -u") == "0"

"""Addresses with a secret in them, in all the ways in which people and programs write such."""

SECRET = "h1dden-key"  # noqa: S105
ADDRESSES = (
    f"https://me:{SECRET}@host/x.parquet",
    f"https://{SECRET}@host/x.csv",
    f"https://host/x.parquet?{SECRET}",
    f"https://host/x.csv#{SECRET}",
    f"https://host/x.csv;session={SECRET}",
    f"s3a://me:{SECRET}@bucket/x.parquet",
    f"s3://me:{SECRET}@bucket/x.nc",
    f"s3://me:two/{SECRET}+slashes/@bucket/x.csv",
    f"s3://me:8080/{SECRET}@bucket/x.csv",
    f"s3://:{SECRET}@bucket/x.json",
    f"S3://{SECRET}@bucket/x.csv",
    f"s3://bucket/k.csv?secret={SECRET}",
    f"s3://bucket/k.csv?secret=ab/{SECRET}",
    f"s3://bucket/k%3Fsig%3D{SECRET}",
    f"s3://bucket/k.csv#token={SECRET}",
    f"s3://bucket/k.parquet?{SECRET}{SECRET}",
    f"abfs://c:{SECRET}@account/x.csv",
    f"abfs://c%3A{SECRET}@account/x.csv",
    f"abfss://c@account.dfs.core.windows.net/x.csv?sv=2024-11-04&sig={SECRET}",
    f"simplecache::s3://me:{SECRET}@bucket/x.csv",
    f"hdfs://me:{SECRET}@host:9000/x.csv",
    f"https:/me:{SECRET}@host/x.html",
    f"ftp://me:it's-{SECRET}@host/x.csv",
)

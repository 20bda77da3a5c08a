-- Between two sessions of a device lie at least `session_gap_minutes`.
with neighbours as (
    select
        *,
        lag(ended_at) over (
            partition by project_id, device_id order by started_at
        ) as previous_ended_at
    from {{ ref('sessions') }}
)

select *
from neighbours
where
    started_at - previous_ended_at
    < interval '{{ var("session_gap_minutes") | int }} minutes'

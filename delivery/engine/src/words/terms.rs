//! Words of the field that stand within sentences: states, roles, measures.

// A table: one word after the other.
#[rustfmt::skip]
const TERMS: &[(&str, &str)] = &[
    // Health of a slot.
    ("starting", "启动中"), ("healthy", "健康"), ("unhealthy", "不健康"), ("stopped", "已停止"),
    // Jobs and pipelines.
    ("created", "已创建"), ("waiting_for_resource", "等待资源"), ("preparing", "准备中"),
    ("pending", "排队中"), ("running", "运行中"), ("canceling", "取消中"), ("success", "成功"),
    ("failed", "失败"), ("canceled", "已取消"), ("skipped", "已跳过"), ("manual", "待手动"),
    ("scheduled", "已计划"),
    // Deployments.
    ("requested", "已请求"), ("checking", "检查"), ("awaiting_approval", "等待审批"),
    ("queued", "排队"), ("switching", "切换"), ("baking", "观察"), ("rolling_back", "回滚中"),
    ("succeeded", "成功"), ("rejected", "被拒绝"), ("expired", "已过期"),
    ("rolled_back", "已回滚"), ("rollback_failed", "回滚失败"),
    // Slots.
    ("blue", "蓝"), ("green", "绿"), ("violet", "紫"),
    // Roles.
    ("developer", "开发"), ("tester", "测试"), ("quality_owner", "质量负责人"),
    ("release_manager", "发布经理"), ("operations", "运维"), ("security", "安全"),
    ("auditor", "审计"), ("administrator", "管理员"), ("trader", "交易员"),
    ("middle_office", "中台"), ("settlement", "结算"), ("risk", "风控"),
    ("provider", "接口提供方"), ("caller", "接口调用方"), ("interface_manager", "接口管理方"),
    // What a gate measures, on what, and when.
    ("coverage.line", "行覆盖率"), ("coverage.branch", "分支覆盖率"),
    ("tests.pass_rate", "测试通过率"), ("tests.failed", "失败用例数"),
    ("tests.flaky", "不稳定用例数"), ("tests.count", "用例数"),
    ("reports.contradictory", "自相矛盾的报告"), ("overall", "全部代码"), ("new", "新增代码"),
    ("existing", "存量代码"), ("merge", "合并"), ("main", "主干"), ("promote", "晋级"),
    ("deploy", "部署"),
    // What a file of configuration holds.
    ("a list", "列表"), ("a map", "映射"), ("text", "文字"), ("a number", "数字"), ("a boolean", "布尔值"), ("a whole number", "整数"),
    ("a reference", "引用"),
    ("true or false", "true 或 false"), ("nothing", "空值"), ("empty", "空值"),
];

/// Words parted by commas in Chinese; a word that is not of the field stays as it is.
pub(super) fn chinese(words: &str) -> String {
    let one = |word: &str| {
        let known = TERMS.iter().find(|(english, _)| *english == word);
        known.map_or_else(|| word.to_owned(), |(_, chinese)| (*chinese).to_owned())
    };
    words.split(", ").map(one).collect::<Vec<_>>().join("、")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rialto_delivery_gate::{Measure, Scope};
    use rialto_platform_identity::Permission;

    use super::*;

    #[test]
    fn states_roles_and_measures_have_chinese_words() {
        let names: BTreeSet<&str> = TERMS.iter().map(|(english, _)| *english).collect();
        assert_eq!(names.len(), TERMS.len(), "a word comes twice");
        let roles = Permission::DeploymentApprove
            .roles()
            .iter()
            .map(|role| role.as_str());
        let measures = Measure::ALL.iter().map(|measure| measure.word());
        let scopes = Scope::ALL.iter().map(|scope| scope.word());
        for word in roles.chain(measures).chain(scopes) {
            assert!(names.contains(word), "{word}");
        }
        assert_eq!(chinese("success, skipped, Friday"), "成功、已跳过、Friday");
    }
}
